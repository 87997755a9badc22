"""Hidden files, what systems and programs scatter about, and texts on a data set: no pictures."""

import re
from pathlib import PurePosixPath

from decor_core.images.formats import has_picture_ending

# What systems and programs scatter about. Another folder with a dot before it may be a class: .NET.
_CLUTTER = re.compile(
    r"__macosx|thumbs\.db|desktop\.ini|@eadir|#recycle|\$recycle\.bin|__pycache__|\._.*|\.trash.*|"
    r"\.(git|github|gitlab|hg|svn|dvc|ds_store|ipynb_checkpoints|idea|vscode|venv|tox|cache|"
    r"(mypy|pytest|ruff)_cache|thumbnails|spotlight-v100|fseventsd|documentrevisions-v100|"
    r"temporaryitems|appledouble|picasaoriginals|dropbox\.cache|stfolder|stversions|decor-new.*)",
    re.IGNORECASE,
)
# Texts that tell people of a data set, and what the places that offer it add.
_DOCUMENTATION = re.compile(
    r"(readme|licen[cs]e|copying|notice|authors|contribut(ing|ors)|changelog|citation|version|"
    r"makefile|dockerfile|dataset[_-]?infos?|dataset-metadata|datapackage|croissant)(\..*)?",
    re.IGNORECASE,
)


def is_documentation(name: str) -> bool:
    """Whether a file is called like a text on a data set, such as README.md: nobody misses it."""
    return bool(_DOCUMENTATION.fullmatch(PurePosixPath(name).name))


def is_clutter(name: str, is_folder: bool = False) -> bool:
    """Whether a path is a hidden file, or what systems and programs scatter about."""
    *folders, last = PurePosixPath(name).parts or ("",)
    if is_folder:
        folders.append(last)
    elif last.startswith(".") and not has_picture_ending(last):
        return True
    return any(map(_CLUTTER.fullmatch, (*folders, last)))
