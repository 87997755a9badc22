"""Which pictures of a grid are selected."""

from collections.abc import Sequence

from decor_app import session_keys as keys


def picked() -> frozenset[str]:
    """The files that are picked, on whichever page of the grid."""
    return keys.PICKED.value


def pick(files: Sequence[str]) -> None:
    """Pick these files and no others."""
    keys.PICKED.value = frozenset(files)
    keys.GRIDS_DRAWN.value += 1
