"""Folders, archives and tables of pictures, checked and split."""
