"""Screenshots of the main screens, and the program that takes them."""
