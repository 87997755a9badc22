"""The classifier: whitening, heads, calibration, novelty, explanations."""
