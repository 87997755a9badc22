"""The labeling of pictures that have no classes yet, on the Data page."""
