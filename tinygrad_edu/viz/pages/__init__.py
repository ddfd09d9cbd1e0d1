"""Offline pages: the player, worksheets, training films."""
