"""A table → which picture is what."""
