"""Training, cross-validation, search, label issues."""
