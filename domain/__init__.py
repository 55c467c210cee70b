"""What Chairtime is about: facts in, slots out. Standard library only, no I/O, no clock."""
