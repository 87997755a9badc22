"""What whoever hosts the app sets and sees."""
