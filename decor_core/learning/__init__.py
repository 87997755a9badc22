"""Vectors and labels → heads, and what they are worth."""
