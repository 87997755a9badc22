"""What the pages share; modules here are not pages."""
