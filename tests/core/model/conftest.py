import numpy as np
import pytest


@pytest.fixture(scope="session")
def clouds():
    """Vectors [90, 6] of three classes that overlap a little, and the classes [90]."""
    random = np.random.default_rng(7)
    classes = np.repeat([0, 1, 2], [50, 30, 10])
    centers = 3 * random.normal(size=(3, 6))
    return centers[classes] + random.normal(size=(90, 6)) * [1, 1, 2, 0.5, 1, 3], classes
