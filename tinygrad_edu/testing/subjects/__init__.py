"""What is checked: functions and derivatives as users and libraries have them."""
