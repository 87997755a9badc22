"""Which images of a grid are picked."""

from collections.abc import Collection

from decor_app import session_keys as keys


def picked() -> frozenset[str]:
    """The files of a data set that are picked, on whichever page of the grid."""
    return keys.PICKED.value


def pick(ids: Collection[str], key: keys.SessionKey[frozenset[str]] = keys.PICKED) -> None:
    """Pick these and no others."""
    key.value = frozenset(ids)
    keys.GRIDS_DRAWN.value += 1
