"""Work for a process of its own."""
