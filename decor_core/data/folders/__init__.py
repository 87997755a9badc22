"""Folders → which of them are classes."""
