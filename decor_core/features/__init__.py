"""Backbones, and the embedding of pictures that they give."""
