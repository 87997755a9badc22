"""Settings of the server, from the environment: public or local, and all limits.

On a local server (the default) limits are wide and what people make may be kept on disk. With
``DECOR_HOSTED=1`` they are those of a small machine on the open internet, and nothing of a visitor
is kept. Each can be set by a variable of its own; docs/how-to/host.md has them in one table.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

from decor_core.data.sources.source import SourceLimits
from decor_core.errors import SettingsError
from decor_core.images.limits import Limits

PREFIX = "DECOR_"
_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


@dataclass(frozen=True)
class ServerConfig:
    """Limits for one visitor and for all together; megabytes are of 2**20 bytes.

    ``upload_*`` is one drop of files (``upload_mb`` each of them, on pages in Streamlit's megabytes
    of 10**6), ``session_*`` one visit, ``total_*`` all visits together; ``megapixels`` is of one
    picture on Classify and of the API, as images.limits.LIMITS is in data sets; ``forget_minutes``
    is how long a visitor who left is found again; ``warm_up`` tells whether processes get ready
    before they are wanted, ``first_model`` whether a data set that is brought in gets a model by
    itself; ``fine_tune_minutes`` is how long a fine-tuning may take, 0 for none at all;
    ``frame_ancestors`` are the sites that may show Decor in a frame. ``api_*`` is of the HTTP API:
    ``api_mb`` one request, ``api_waiting`` the pictures of all requests that wait at once,
    ``api_rate`` pictures a minute of one key or address; ``api_keys`` and ``api_origins`` are those
    that may ask, "" for everybody and for no other site.
    """

    hosted: bool = False
    upload_pictures: int = 200
    upload_mb: int = 200
    session_mb: int = 2_000
    total_mb: int = 4_000
    session_pictures: int = 100_000
    megapixels: int = 64
    session_runs: int = 40
    total_runs: int = 2_000
    queue_each: int = 10
    queue_total: int = 200
    job_seconds: int = 3_600
    fine_tune_minutes: int = 60
    dataset_pictures: int = 20_000
    dataset_mb: int = 2_048
    disk_mb: int = 20_000
    sessions: int = 500
    forget_minutes: int = 10
    warm_up: bool = True
    first_model: bool = True
    frame_ancestors: str = ""
    api: bool = True
    api_mb: int = 200
    api_waiting: int = 400
    api_rate: int = 1_000_000
    api_keys: str = field(default="", repr=False)
    api_origins: str = ""

    @property
    def picture_limits(self) -> Limits:
        """Limits of one picture."""
        usual = Limits()
        return replace(
            usual,
            max_bytes=min(usual.max_bytes, self.upload_mb * 2**20),
            max_pixels=self.megapixels * 1_000_000,
        )

    @property
    def source_limits(self) -> SourceLimits:
        """Limits of a folder or zip of pictures."""
        usual = SourceLimits()
        return replace(usual, max_bytes=min(usual.max_bytes, self.dataset_mb * 2**20))


_LOCAL = ServerConfig()
_HOSTED = ServerConfig(
    hosted=True,
    upload_pictures=100,
    upload_mb=50,
    session_mb=100,
    total_mb=250,
    session_pictures=3_000,
    megapixels=40,
    session_runs=20,
    total_runs=150,
    queue_each=3,
    queue_total=30,
    job_seconds=300,
    fine_tune_minutes=0,
    dataset_pictures=1_000,
    dataset_mb=100,
    disk_mb=500,
    sessions=60,
    api_mb=50,
    api_waiting=200,
    api_rate=120,
)
# In a Space, the page around the app is Hugging Face's: it must be allowed to show it.
_SPACE, _SPACES_PAGE = "SPACE_ID", "https://huggingface.co"
VARIABLES = {one.name: PREFIX + one.name.upper() for one in fields(ServerConfig)}
_MAY_BE_ZERO = {VARIABLES["fine_tune_minutes"]}
_READ = (*VARIABLES.values(), _SPACE)


def read_config(environment: Mapping[str, str]) -> ServerConfig:
    """The settings in ``environment``, over the defaults of its DECOR_HOSTED.

    SettingsError for what is no whole number in its range, or neither yes nor no.
    """
    variable = VARIABLES["hosted"]
    usual = _HOSTED if _value(variable, environment.get(variable, ""), False) else _LOCAL
    chosen = {
        name: _value(variable, environment.get(variable, "").strip(), getattr(usual, name))
        for name, variable in VARIABLES.items()
        if name != "hosted"
    }
    if environment.get(_SPACE) and not chosen["frame_ancestors"]:
        chosen["frame_ancestors"] = _SPACES_PAGE
    return replace(usual, **chosen)


def server_config() -> ServerConfig:
    """The settings of this process as its environment is now."""
    return _cached_config(tuple(os.environ.get(variable, "") for variable in _READ))


@lru_cache(maxsize=8)
def _cached_config(values: tuple[str, ...]) -> ServerConfig:
    return read_config(dict(zip(_READ, values, strict=True)))


def _value(variable: str, text: str, usual: Any) -> Any:
    if isinstance(usual, bool):
        word = text.strip().lower()
        if word not in (*_YES, *_NO):
            raise SettingsError(f"{variable} is “{text}”; it must be 1 or 0.")
        return word in _YES if word else usual
    if not text or isinstance(usual, str):
        return text or usual
    is_number, may_be_zero = text.isascii() and text.isdigit(), variable in _MAY_BE_ZERO
    if not is_number or not (may_be_zero or int(text[:12])):
        least = "of 0 or more" if may_be_zero else "above zero"
        raise SettingsError(f"{variable} is “{text}”; it must be a whole number {least}.")
    return int(text[:12])
