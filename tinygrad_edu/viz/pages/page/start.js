player.start(); if (player.begin) player.begin();
