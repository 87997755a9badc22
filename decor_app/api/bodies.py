"""The pictures in the body of a request: multipart, JSON with base64, or the file itself."""

from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from decor_app.api.problems import Problem, invalid_json
from decor_app.api.schemas import JsonPictures
from decor_app.hosting.metrics import METRICS

_FILE = {"type": "string", "format": "binary"}  # for which Swagger UI lets choose a file
CONTENTS: dict[str, Any] = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "properties": {"file": {"type": "array", "items": _FILE, "minItems": 1}},
            "required": ["file"],
            "additionalProperties": False,
        }
    },
    "application/json": {"schema": {"$ref": "#/components/schemas/JsonPictures"}},
    "image/*": {"schema": _FILE},
    "application/octet-stream": {"schema": _FILE},
}
_EXPECTED = (
    "multipart/form-data with one or many files, application/json with base64, or a picture "
    "itself as image/… or application/octet-stream"
)
# Every byte of JSON such as “1,1,1” takes two microseconds and five hundred bytes to refuse; base64
# has none of its marks.
_MAX_VALUES = 20_000


@dataclass(frozen=True)
class PictureFile:
    """A file that came, and the name that came with it."""

    name: str | None
    data: bytes


async def read_pictures(request: Request, most: int) -> list[PictureFile]:
    """The pictures in a request; Problem where there are none, or more than ``most``."""
    if request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem(
            415, "The body is compressed; send it as it is.", {"Accept-Encoding": "identity"}
        )
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "multipart/form-data":
        files = await _read_form(request, most)
    elif kind == "application/json":
        files = await _read_pictures_in_json(request)
    elif kind.startswith("image/") or kind in ("", "application/octet-stream"):
        return [PictureFile(None, await request.body())]
    else:
        accepted = {"Accept": ", ".join(CONTENTS)}
        raise Problem(415, f"The body is {kind[:100]}; expected {_EXPECTED}.", accepted)
    if len(files) > most:
        raise _too_many(most)
    return files


def _too_many(most: int) -> Problem:
    """A refusal of a request with more than ``most`` pictures."""
    METRICS.count("api: refused: pictures of one request")
    return Problem(413, f"A request may have {most} pictures at most; send more requests.")


async def read_json(request: Request) -> bytes:
    """A body that is said to be JSON; Problem where it would take long to find that it is not."""
    data = await request.body()
    if sum(map(data.count, (b",", b"{", b"["))) > _MAX_VALUES:
        raise Problem(413, "The JSON body has far more values than pictures can need.")
    return data


async def _read_pictures_in_json(request: Request) -> list[PictureFile]:
    try:
        body = JsonPictures.model_validate_json(await read_json(request))
    except ValidationError as error:
        raise invalid_json(error) from None
    return [PictureFile(one.file, one.data) for one in body.pictures]


async def _read_form(request: Request, most: int) -> list[PictureFile]:
    try:
        form = await _FormParser(request, most).parse()
    except MultiPartException as error:
        raise Problem(400, f"The multipart body cannot be read: {error.message}") from None
    except UnicodeError:  # a charset in the header Content-Type that is none of texts
        raise Problem(400, "The multipart body cannot be read: its names are no text.") from None
    files = []
    for field, value in form.multi_items():
        if not isinstance(value, UploadFile):
            raise Problem(
                422,
                f"The form has a field “{_as_text(field[:100])}” that is no file; options belong "
                "into the query, as in ?taxonomy=country.",
            )
        files.append(PictureFile(_as_text(value.filename or ""), await value.read()))
    if not files:
        raise Problem(422, "There is no file in the form; expected one or more pictures.")
    return files


def _as_text(name: str) -> str:
    """A name as text that can be written as UTF-8: odd charsets leave halves of letters."""
    return name.encode("utf-8", "replace").decode()


class _FormParser(MultiPartParser):
    """Keeps files in memory, never on the disk, and ends as soon as there are too many."""

    spool_max_size = 2**40

    def __init__(self, request: Request, most: int) -> None:
        super().__init__(request.headers, request.stream())  # pyright: ignore[reportArgumentType]
        self._parts, self._most = 0, most

    def on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > self._most:
            raise _too_many(self._most)
        super().on_part_begin()
