"""The models that the API answers with, by name."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from os.path import abspath, basename
from pathlib import Path

from decor_app.api.problems import InvalidPart, Problem
from decor_core.errors import DecorError, SettingsError
from decor_core.model.bundle import load_bundle
from decor_core.model.predictor import VectorPredictor

Models = Mapping[str, Callable[[], VectorPredictor]]


def models_in(places: Sequence[str]) -> Models:
    """The models of some places, FOLDER or NAME=FOLDER; by default its folder is a model's name.

    They are read now: BundleError where one cannot be, SettingsError where two have one name.
    """
    models: dict[str, Callable[[], VectorPredictor]] = {}
    for place in places:
        name, given, path = place.partition("=")
        if not (name and given) or Path(place).exists():
            name, path = basename(abspath(place)), place
        if name in models:
            raise SettingsError(
                f"Two models are called “{name}”; give one a name of its own: NAME={path}."
            )
        models[name] = cache(partial(_load, Path(path)))
        models[name]()
    return models


def _load(folder: Path) -> VectorPredictor:
    return VectorPredictor(load_bundle(folder))


def find_model(models: Models, name: str | None) -> tuple[str, VectorPredictor]:
    """The model called ``name``, by default the first; Problem where it cannot be had."""
    chosen = next(iter(models)) if name is None else name
    if chosen not in models:
        known = " and ".join(models)
        detail = f"There is no model “{chosen}” here; choose from: {known}."
        raise Problem(422, detail, errors=[InvalidPart(parameter="model", detail=detail)])
    try:
        return chosen, models[chosen]()
    except DecorError as error:
        raise Problem(503, str(error)) from None
