"""Data sets of one's own: kept, edited, packed."""
