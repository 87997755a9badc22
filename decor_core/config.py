"""Settings of the core that come from the environment.

platformdirs is imported where it is asked: labeling a picture keeps nothing, and must stay quick.
"""

import os
from importlib.resources import files
from pathlib import Path


def beside(package: str, name: str) -> Path:
    """A folder or file of Decor: inside of the package where it is installed, else beside it."""
    home = Path(str(files(package)))
    return home / name if (home / name).exists() else home.parent / name


def is_hosted() -> bool:
    """Whether this is a public server (``DECOR_HOSTED``), which keeps nothing of its visitors."""
    return os.environ.get("DECOR_HOSTED", "").strip().lower() in ("1", "true", "yes", "on")


def data_directory() -> Path:
    """Where what people make is kept: $DECOR_HOME, or the user's data folder."""
    if chosen := os.environ.get("DECOR_HOME"):
        return Path(chosen)
    from platformdirs import user_data_path

    return user_data_path("decor", appauthor=False)


def cache_directory() -> Path:
    """Where converted networks and vectors are kept: $DECOR_CACHE, or the user's cache."""
    if chosen := os.environ.get("DECOR_CACHE"):
        return Path(chosen)
    from platformdirs import user_cache_path

    return user_cache_path("decor", appauthor=False)
