"""State of a session, and state that the server holds once."""
