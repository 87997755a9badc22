"""Data sets that are kept and edited."""
