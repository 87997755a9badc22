"""What belongs to a session, and what the server holds once."""
