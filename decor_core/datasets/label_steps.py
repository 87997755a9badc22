"""Steps of labeling, as the browser sends them and the log of labels keeps them: JSON."""

from typing import TypeAlias

import msgspec

# Answers that are no class; no class can be called so.
NONE, SKIP = "\0none", "\0skip"


class _Step(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", omit_defaults=True):
    id: str = ""  # by which a step that is sent twice is done once


class Label(_Step, tag="label", frozen=True, kw_only=True):
    """Pictures get a label: a class (new or not), NONE, SKIP, or "" for none any more.

    All ``ids`` get the same ``label``; ``labels`` are those of others, by picture.
    """

    ids: tuple[str, ...] = ()
    label: str = ""
    labels: dict[str, str] = {}  # msgspec copies it for each step


class Known(Label, tag="known", frozen=True, kw_only=True):
    """Labels that pictures have from elsewhere: not to be undone."""


class AddClass(_Step, tag="add_class", frozen=True, kw_only=True):
    """A class that has no pictures yet."""

    name: str


class RenameClass(_Step, tag="rename_class", frozen=True, kw_only=True):
    """A class gets another name; where that is another class, both become one."""

    name: str
    to: str


class RemoveClass(_Step, tag="remove_class", frozen=True, kw_only=True):
    """A class goes; its pictures have no label any more."""

    name: str


class Order(_Step, tag="order", frozen=True, kw_only=True):
    """Whether pictures are asked for at random, rather than the most telling first."""

    random: bool


class Undo(_Step, tag="undo", frozen=True, kw_only=True):
    """The last step that was not taken back is."""


class Redo(_Step, tag="redo", frozen=True, kw_only=True):
    """The step that was taken back last is done again."""


Step: TypeAlias = Label | Known | AddClass | RenameClass | RemoveClass | Order | Undo | Redo
