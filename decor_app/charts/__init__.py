"""Charts that several pages use."""
