"""The stages composed: training, cross-validation, search, and what models find in data."""
