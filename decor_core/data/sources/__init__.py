"""A folder or an archive → its files by name."""
