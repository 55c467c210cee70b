"""Running a server: what it is told, its parts and processes, and how it is watched."""
