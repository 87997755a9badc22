"""Decor: a classifier of decorated products for small data, without any user interface."""

import os

# Heads are many small matrices: NumPy's threads would mostly wait for each other (ten times
# slower on two busy cores). Only heard where NumPy is not imported yet.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
