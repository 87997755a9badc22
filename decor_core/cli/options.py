"""Flags made from dataclasses: a flag for each field, and one filled object for the command.

The settings of a training are flags in this way (``TrainingConfig``), as are those of the command
line itself, whose fields are made by ``flag``.
"""

import functools
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import Field, field, fields
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

import click
from click.shell_completion import CompletionItem

from decor_core.errors import DecorError


class _PathType(click.Path):
    """A path that is not empty: an empty one is a variable of the shell that is not set."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if not str(value):
            self.fail("expected a path, but got an empty text", param, ctx)
        return super().convert(value, param, ctx)


class _FolderType(_PathType):
    """The path of a folder, which need not be there."""

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        path = super().convert(value, param, ctx)
        if path.exists() and not path.is_dir():
            raise DecorError(f"“{path}” is a file; expected a folder ({param.opts[0]}).")
        return path


PATH = _PathType(path_type=Path)
FOLDER = _FolderType(path_type=Path)
PLACE = _PathType()  # a path or a URL, as it was given; shells complete it as a file
_OTHERS = "Options"
_NUMBER = re.compile(r"[-+]?[\d.]+")
COUNT = click.IntRange(min=1)
PORT = click.IntRange(1, 65535)
SEED = click.IntRange(0, 2**32 - 1)
_METAVARS = {int: "N", float: "NUMBER", str: "NAME", COUNT: "N", PORT: "N", SEED: "N"}


def flag(help: str, default: Any = None, **about: Any) -> Any:
    """A field of a dataclass that ``options`` makes a flag of.

    ``flag`` is its name where the field has another, ``also`` are more of them; ``metavar`` and
    ``type`` are as in click.
    """
    return field(default=default, metadata={"help": help, **about})


class Option(click.Option):
    """A flag that help shows under the title ``section``; ``alone`` is its value without one."""

    def __init__(
        self, *names: Any, section: str = _OTHERS, alone: Any = None, **settings: Any
    ) -> None:
        super().__init__(*names, **settings)
        self.section, self.alone = section, alone


class _WithExamples(click.Command):
    """A command whose help ends with ``examples``, which are what stands behind its name."""

    def __init__(self, *names: Any, examples: Sequence[str] = (), **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.examples = examples

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"  {ctx.command_path} {example}".rstrip() + "\n")
        super().format_epilog(ctx, formatter)


class Command(_WithExamples):
    """A command whose help shows its flags in sections, those of no section last."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # A flag that may stand alone has a value where a number follows. click's own way, its
        # “flag_value”, takes the pictures that follow for one, and no number below zero.
        options = [one for one in self.params if isinstance(one, Option) and one.alone is not None]
        alone = {name: str(one.alone) for one in options for name in one.opts}
        given: list[str] = []
        for arg, follows in pairwise([*args, ""]):
            given.append(arg)
            name = "--" + arg[2:].replace("-", "_")
            if name in alone and not _NUMBER.fullmatch(follows):
                given.append(alone[name])
        try:
            return super().parse_args(ctx, list(given))
        except click.BadParameter as error:
            if (flag := error.param) is None or not (expected := _expected(flag.type)):
                raise
            value = self.make_parser(ctx).parse_args(given)[0].get(flag.name or "")
            if value is None:  # it is missing
                raise
            message = f"expected {expected}, but got “{value}”"
            raise click.BadParameter(message, ctx, flag) from None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for one in self.get_params(ctx):
            if isinstance(one, click.Option) and (shown := one.get_help_record(ctx)):
                sections.setdefault(getattr(one, "section", _OTHERS), []).append(shown)
        for title in sorted(sections, key=_OTHERS.__eq__):
            with formatter.section(title):
                formatter.write_dl(sections[title])


class Group(_WithExamples, click.Group):
    """Commands below one name, e.g. those of “runs”."""

    command_class = Command


class CommaList(click.ParamType):
    """Values with commas between, as a tuple."""

    def __init__(self, kind: type) -> None:
        self._kind = kind
        self.name = f"{_METAVARS[kind]},…"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Any, ...]:
        if isinstance(value, tuple):
            return value
        try:
            found = tuple(self._kind(part.strip()) for part in value.split(",") if part.strip())
        except ValueError:
            kind = {int: "whole numbers", float: "numbers"}[self._kind]
            self.fail(f"expected {kind} with commas between, not “{value}”", param, ctx)
        return found or self.fail("expected at least one value", param, ctx)


def options(
    parameter: str, cls: type, section: str = _OTHERS, *, leave_out: Collection[str] = ()
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command a flag for each field of the dataclass ``cls`` but those to ``leave_out``.

    The command gets them as one ``cls`` by the name ``parameter``; help shows them under
    ``section``. A flag is called like its field, or as ``metadata["flag"]`` says.
    """
    chosen = [one for one in fields(cls) if one.name not in leave_out]

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_object(**values: Any) -> Any:
            values[parameter] = cls(**{one.name: values.pop(one.name) for one in chosen})
            return command(**values)

        for one in reversed(chosen):
            with_object = _flag_of(one, section)(with_object)
        return with_object

    return decorate


def _flag_of(one: Field, section: str) -> Callable[[Any], Any]:
    about, help, default = one.metadata, one.metadata["help"], one.default
    if len(heads := about.get("heads", ())) == 1:
        help += f" (--head {heads[0]} only)"
    kind = about.get("type") or _click_type(one.type)
    choices = about.get("choices") or ()
    metavar = "|".join(choices) or about.get("metavar") or _METAVARS.get(kind)
    return click.option(
        f"--{about.get('flag') or one.name}",
        *about.get("also", ()),
        one.name,
        cls=Option,
        section=section,
        alone=about.get("flag_alone"),
        type=kind,
        is_flag=kind is bool,
        default=default,
        show_default=default is not None and kind is not bool,
        metavar=metavar,
        help=help,
        shell_complete=completed(choices) if choices else None,
    )


def _expected(kind: click.ParamType) -> str:
    """What a flag of one of click's own types expects, in words; "" of another type."""
    match kind:
        case click.Choice(choices=choices):
            return " or ".join(choices)
        case click.IntRange(min=least, max=most):
            return f"a whole number from {least} " + ("on" if most is None else f"to {most}")
        case click.types.IntParamType():
            return "a whole number"
        case click.types.FloatParamType():
            return "a number"
    return ""


def completed(
    words: Iterable[str],
) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]]:
    """What completes the value of a flag in a shell: one of ``words``."""
    return lambda ctx, flag, begun: [CompletionItem(w) for w in words if w.startswith(begun)]


def completed_files(ctx: click.Context, flag: click.Parameter, begun: str) -> list[CompletionItem]:
    """What completes the name of a file in a shell, where it may be a URL, too."""
    return [CompletionItem(begun, type="file")]


def _click_type(annotation: Any) -> Any:
    """What click reads a flag as: the type itself, a path, or a list with commas."""
    if isinstance(annotation, UnionType):  # X | None
        annotation, _ = get_args(annotation)
    if get_origin(annotation) is tuple:
        return CommaList(get_args(annotation)[0])
    return PATH if annotation is Path else annotation


as_json = click.option("--json", "as_json", is_flag=True, help="Print nothing but JSON on stdout.")
