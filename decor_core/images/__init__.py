"""Pictures: decoded, located, compared, augmented."""
