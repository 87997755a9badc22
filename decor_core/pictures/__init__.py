"""Pictures as such: decoded, cut out, compared."""
