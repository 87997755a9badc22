"""Pictures → vectors."""
