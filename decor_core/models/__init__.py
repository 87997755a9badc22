"""Trained models: kept, asked, explained."""
