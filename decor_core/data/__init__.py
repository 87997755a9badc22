"""Folders, zips and CSVs → tables of labelled pictures, and what is wrong with them."""
