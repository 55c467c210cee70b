"""What the program does, as plain async functions over domain values."""
