"""What machines of a cluster do for ``cluster``: read pictures, make rows of their bytes."""

import json
import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from decor_core.bulk.rows import RowMaker, row_of
from decor_core.bulk.sources import Picture, read_picture
from decor_core.errors import DecorError, PictureError
from decor_core.features.backbones import give_weights, load_backbone
from decor_core.features.own_networks import own_network
from decor_core.parallel import map_in_order

if TYPE_CHECKING:
    import pyarrow as pa

# Bytes of pictures in one block of the object store; a larger one is a block of its own.
BLOCK_BYTES = 16 * 2**20
_THREADS = 8  # of a task that reads: through a network they mostly wait


@dataclass(frozen=True)
class WorkerPayload:
    """Model and network as they go to each worker: all that an actor needs to make rows.

    ``maker`` is a pickled RowMaker with the model, if there is one. ``weights`` are those of the
    network ``network``, None where a model brings its own; ``made_by`` is what rows tell of both.
    """

    network: str
    weights: bytes | None
    made_by: dict[str, Any]
    maker: bytes

    @classmethod
    def of(cls, maker: RowMaker) -> "WorkerPayload":
        name = maker.made_by["spec"]["architecture"]
        weights = None if own_network(name) else load_backbone(name).weights
        return cls(name, weights, maker.made_by, pickle.dumps(maker))

    def unpack(self) -> RowMaker:
        """The maker, in a process of its own; DecorError where it would make other rows."""
        if self.weights is not None:
            give_weights(self.network, self.weights)
        maker = pickle.loads(self.maker)
        if maker.made_by != self.made_by:
            raise DecorError(
                "What a worker makes of the model and the network that it was sent has another "
                "digest than here; install the same version of Decor on all machines."
            )
        return maker


def read_pictures(pictures: "pa.Table") -> "Iterator[pa.Table]":
    """The bytes of pictures, or why there are none; not more at once than a block may hold."""
    import pyarrow as pa

    schema = pa.schema(
        [("number", pa.int64()), ("file", pa.string()), ("content", pa.binary()),
         ("problem", pa.string()), ("ends", pa.bool_())]
    )  # fmt: skip
    read, size = [], 0
    for one in map_in_order(_read_one, pictures.to_pylist(), _THREADS):
        read.append(one)
        size += len(one.get("content", b""))
        if size > BLOCK_BYTES:
            yield pa.Table.from_pylist(read, schema)
            read, size = [], 0
    yield pa.Table.from_pylist(read, schema)


def _read_one(row: dict[str, Any]) -> dict[str, Any]:
    picture = Picture(*json.loads(row["picture"]))
    one = {"number": row["number"], "file": picture.file}
    try:
        return one | {"content": read_picture(picture)}
    except PictureError as error:
        return one | {"problem": str(error)}
    except DecorError as error:  # no other can be read, either
        return one | {"problem": str(error), "ends": True}


class RowActor:
    """An actor, which makes rows of pictures' bytes: their numbers, and rows as pickles.

    A number of −1 stands for what ends the run, in words.
    """

    def __init__(self, shipment: WorkerPayload) -> None:
        self._maker, self._problem = None, ""
        try:
            self._maker = shipment.unpack()
        except DecorError as error:  # is told by each row, as Ray would start another actor
            self._problem = str(error)

    def __call__(self, pictures: "pa.Table") -> dict[str, list[Any]]:
        rows: dict[str, list[Any]] = {"number": [], "row": []}
        for at, file in enumerate(pictures["file"].to_pylist()):
            problem = pictures["problem"][at].as_py()
            if not self._maker or pictures["ends"][at].as_py():
                number, row = -1, self._problem or problem
            else:
                content = PictureError(problem) if problem else pictures["content"][at].as_py()
                number, row = pictures["number"][at].as_py(), row_of(self._maker, file, content)
            rows["number"].append(number)
            rows["row"].append(pickle.dumps(row))
        return rows
