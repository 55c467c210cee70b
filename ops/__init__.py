"""Running the server's processes. It knows nothing of what they serve."""
