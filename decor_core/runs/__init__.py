"""Trainings worth coming back to."""
