"""The engine on many machines, Ray Data: the same pictures and rows as ``local``.

Pictures are read in tasks, and their bytes, not their pixels, go through the object store to
actors, each with a network of its own, on one core. Rows come back to this process, in order,
which keeps them as ``local`` does, so that --resume works alike. Scheduling, back pressure and
what is done again after a machine was lost are Ray's.
"""

import gc
import json
import logging
import os
import pickle
import socket
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from decor_core import __version__
from decor_core.bulk.cluster_worker import BLOCK_BYTES, RowActor, WorkerPayload, read_pictures
from decor_core.bulk.output import Output
from decor_core.bulk.rows import Row, RowMaker
from decor_core.bulk.sources import Picture
from decor_core.errors import DecorError, missing_package

if TYPE_CHECKING:
    import pyarrow as pa

# Pictures that are read by one task and looked at by one: a second of work.
_AT_ONCE = 32
_READERS = 8  # tasks that read on this machine
_ACTOR_MEMORY = 500 * 2**20  # of an actor: Python, network and one decoded picture
# What ends the process of an actor so often is left out at first, then tried by itself.
_RETRIES, _RETRIES_ALONE = 20, 3
_CONNECT_SECONDS = 10.0
_NODE = "ray.io/node-id"
_ENDED = (
    "The process that looked at it ended each time, as it does where memory is too little for a "
    "picture or a decoder crashes."
)


def run(
    pictures: Iterable[Picture],
    maker: RowMaker,
    output: Output,
    *,
    address: str | None = None,
    workers: int | None = None,
    only_here: bool = True,
) -> Generator[int, None, None]:
    """Make a row of each picture that ``output`` has none of, and finish it; see ``local.run``.

    On the cluster at ``address`` (as ``ray.init`` takes it), else on that of $RAY_ADDRESS, else on
    this machine. ``workers`` actors, by default one for each core of the cluster. ``only_here``
    tells that this machine alone has the pictures, and reads them. What Ray gives up on is tried
    once more, each picture by itself; one that ends its process then has a row with an error.
    """
    with _connected(address):
        _check_workers()
        output.begin()
        todo = _table(picture for picture in pictures if not output.done.claim(picture.file))
        shipment, is_done, count = WorkerPayload.of(maker), bytearray(len(todo)), 0
        at_once, retries, before = _AT_ONCE, _RETRIES, -1
        try:
            # By themselves as long as it helps: what ends a process takes its neighbors along.
            while count > before and len(left := _left(todo, is_done)):
                before = count if at_once == 1 else -1
                blocks = [left.slice(at, at_once) for at in range(0, len(left), at_once)]
                for number, row in _rows(blocks, shipment, workers, retries, only_here):
                    if not is_done[number]:
                        is_done[number] = True
                        output.add(row)
                        count += 1
                        yield count
                at_once, retries = 1, _RETRIES_ALONE
            for text in _left(todo, is_done)["picture"].to_pylist():
                output.add({"file": Picture(*json.loads(text)).file, "error": _ENDED})
        except BaseException:
            output.stop()
            raise
    output.finish()


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    """Ray in this process, unless it is there already."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray  # pyright: ignore[reportMissingImports]
        import ray.data  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise missing_package("--engine ray", "ray", "ray") from error
    # Rows tell what failed. What is logged with its traceback would keep actors alive, and cores.
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    if ray.is_initialized():
        yield
        return
    warnings.filterwarnings("ignore", category=ray.util.annotations.RayDeprecationWarning)
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    check_reachable(address)
    try:
        ray.init(address, include_dashboard=False if address == "local" else None,
                 log_to_driver=False, logging_level=logging.ERROR)  # fmt: skip
    except (ConnectionError, ValueError, RuntimeError) as error:
        hint = f"{error}; a cluster that wants a token needs RAY_AUTH_MODE=token here, too"
        raise _unreachable(address, hint) from error
    try:
        yield
    finally:
        ray.shutdown()


def check_reachable(address: str) -> None:
    """DecorError where nobody answers, which Ray would find out in minutes."""
    host, _, port = address.rpartition(":")
    if port.isdecimal() and "/" not in host:
        try:
            socket.create_connection((host.strip("[]"), int(port)), _CONNECT_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise _unreachable(address, error) from error
    elif address not in ("auto", "local"):
        raise _unreachable(address, "no address of the form HOST:PORT")


def _unreachable(address: str, reason: Exception | str) -> DecorError:
    return DecorError(
        f"The Ray cluster at “{address}” cannot be reached ({reason}); expected what "
        "“ray start --head” printed, such as 10.0.0.1:6379, or auto on one of its machines."
    )


def _check_workers() -> None:
    """DecorError where a machine of the cluster does not have this version of Decor."""
    import ray  # pyright: ignore[reportMissingImports]

    ask = ray.remote(num_cpus=0)(_version)
    machines = [one for one in ray.nodes() if one["Alive"] and one["Resources"].get("CPU")]
    asked = [ask.options(label_selector={_NODE: one["NodeID"]}).remote() for one in machines]
    try:
        found = ray.get(asked)
    except ray.exceptions.RayError as error:
        last = str(error).strip().rpartition("\n")[2]
        raise DecorError(
            f"Decor cannot be used on a machine of the cluster ({last}); install "
            f"decor-classifier {__version__} with its extra “ray” on all."
        ) from error
    for machine, version in zip(machines, found, strict=True):
        if version != __version__:
            raise DecorError(
                f"The machine {machine['NodeManagerAddress']} has version {version} of Decor, but "
                f"this one {__version__}; install the same on all."
            )


def _version() -> str:
    return __version__


def _table(pictures: Iterable[Picture]) -> "pa.Table":
    """Pictures, as JSON since names may hold any bytes, with their numbers: 150 bytes each."""
    import pyarrow as pa

    column = pa.array((json.dumps(picture) for picture in pictures), pa.string())
    return pa.table({"number": pa.array(range(len(column)), pa.int64()), "picture": column})


def _left(todo: "pa.Table", is_done: bytearray) -> "pa.Table":
    """The pictures that have no row yet."""
    import pyarrow as pa

    return todo.filter(pa.array(np.frombuffer(is_done, np.uint8) == 0))


def _rows(
    blocks: "Sequence[pa.Table]",
    shipment: WorkerPayload,
    workers: int | None,
    retries: int,
    only_here: bool,
) -> Iterator[tuple[int, Row]]:
    """The numbers of pictures and their rows; of blocks that Ray gave up on there are none."""
    import ray.data  # pyright: ignore[reportMissingImports]

    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    context.max_errored_blocks = -1
    context.target_max_block_size = BLOCK_BYTES
    actors = min(workers or int(ray.cluster_resources().get("CPU", 1)), len(blocks))
    here = {_NODE: ray.get_runtime_context().get_node_id()}
    found = (
        ray.data.from_blocks(blocks)
        .map_batches(
            read_pictures,
            batch_size=None,
            batch_format="pyarrow",
            num_cpus=0,
            compute=ray.data.TaskPoolStrategy(min(_READERS, actors) if only_here else actors),
            label_selector=here if only_here else None,
        )
        .map_batches(
            RowActor,
            batch_size=None,
            batch_format="pyarrow",
            num_cpus=1,
            memory=_ACTOR_MEMORY,
            compute=ray.data.ActorPoolStrategy(
                size=actors, max_tasks_in_flight_per_actor=1 if len(blocks[0]) == 1 else 2
            ),
            fn_constructor_args=(shipment,),
            # To be without a successor in Ray 2.64, so that the extra takes none that is later.
            max_task_retries=retries,
        )
    )
    try:
        for batch in found.iter_batches(batch_size=None, batch_format="pyarrow"):
            numbers, rows = batch["number"].to_pylist(), batch["row"].to_pylist()
            for number, row in zip(numbers, rows, strict=True):
                if number < 0:
                    raise DecorError(pickle.loads(row))
                yield number, pickle.loads(row)
    except ray.exceptions.RayError as error:
        last = str(error).strip().rpartition("\n")[2]
        raise DecorError(f"The cluster failed ({last}); see its logs.") from error
    finally:
        del found
        gc.collect()  # errors of tasks hold their actors, and so cores, in reference cycles
