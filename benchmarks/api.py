"""How many pictures a second the HTTP API classifies, and what it does when more come than it can.

    python benchmarks/api.py [--seconds 6] [--clients 1 8 32] [--picture FILE] [--json FILE]

Clients that each wait for their answer, then ask again at once, against “decor serve”, the API
beside the app, the network alone (in processes, on views cut out before), and a plain FastAPI that
decodes with Pillow and runs the same network. Beside the clock stands what a picture takes of the
processor, in the server and its processes: it moves less when other jobs run. Linux only.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as decor_core does, but NumPy comes first

import aiohttp
import numpy as np

from benchmarks.running import HOST, Server, api_server, python_server, server
from benchmarks.speed import SAMPLES, machine
from decor_app.jobs.inference_pool import POOL_SIZE
from decor_core.features.backbones import load_backbone

PATH = "/api/v1/classify"
_NETWORK, _PLAIN = "the network alone", "plain FastAPI"
_QUIET = Path(os.devnull)
_MANY, _ROOM = 64, 16  # clients at once against a server where so many pictures may wait
_RATE = 60  # pictures a minute that each address may ask for, in a second overload
_PLAIN_COMMAND = ["-m", "uvicorn", "benchmarks.plain_api:app", "--host", HOST, "--port", "PORT",
          "--log-level", "warning", "--no-access-log"]  # fmt: skip
Ask = Callable[[], Awaitable[int]]


@dataclass(frozen=True)
class Target:
    """How to ask for a picture, which gives a status, and what has been computed until now."""

    ask: Ask
    computed: Callable[[], float]


@dataclass
class Load:
    """Seconds of each answer by its status, and of all together."""

    seconds: dict[int, list[float]] = field(default_factory=dict)
    wall: float = 0.0
    computed: float = 0.0
    faults: Counter = field(default_factory=Counter)

    def quantile(self, share: float, *statuses: int) -> float:
        """Milliseconds below which that share of the answers came, of 200 if not said."""
        found = [s for status in statuses or (200,) for s in self.seconds.get(status, [])]
        return 1000 * float(np.quantile(found, share)) if found else float("nan")

    @property
    def rate(self) -> float:
        """Pictures classified a second."""
        return len(self.seconds.get(200, [])) / self.wall

    @property
    def each(self) -> float:
        """Milliseconds of computing for each picture classified."""
        return 1000 * self.computed / len(self.seconds.get(200, [])) if self.rate else float("nan")

    def to_json(self) -> dict:
        counts = {status: len(found) for status, found in sorted(self.seconds.items())}
        return {
            "rate": self.rate,
            "computing_ms": self.each,
            "p50_ms": self.quantile(0.5),
            "p95_ms": self.quantile(0.95),
            "refused_p95_ms": self.quantile(0.95, 429, 503),
            "statuses": counts,
            "faults": dict(self.faults),
        }


async def load(target: Target, clients: int, seconds: float) -> Load:
    """``clients`` at once, each as fast as its answers come."""
    found, started, computed = Load(), time.monotonic(), target.computed()

    async def client() -> None:
        while time.monotonic() < started + seconds:
            before = time.monotonic()
            try:
                status = await target.ask()
            except (OSError, TimeoutError, aiohttp.ClientError) as error:
                found.faults[repr(error)] += 1
            else:
                found.seconds.setdefault(status, []).append(time.monotonic() - before)

    await asyncio.gather(*(client() for _ in range(clients)))
    found.wall = time.monotonic() - started
    found.computed = target.computed() - computed
    return found


def asking(session: aiohttp.ClientSession, server: Server, path: str, picture: bytes) -> Target:
    """Asks a server; it is a fault to be refused without a time to come again."""

    async def ask() -> int:
        async with session.post(f"http://{HOST}:{server.port}{path}", data=picture) as answer:
            await answer.read()
            if answer.status in (429, 503) and "Retry-After" not in answer.headers:
                raise OSError(f"{answer.status} without Retry-After")
            return answer.status

    return Target(ask, server.all_cpu_seconds)


_views: np.ndarray


def _prepare(side: int) -> None:
    global _views
    _views = np.random.default_rng(0).integers(0, 256, (2, side, side, 3), np.uint8)


def _run_network() -> float:
    started = time.process_time()
    load_backbone().stage_maps(_views)
    return time.process_time() - started


def _network(stack: ExitStack) -> Target:
    """Runs the network on two views, in as many processes as the API has."""
    side, spent = load_backbone().spec.side, [0.0]
    pool = stack.enter_context(ProcessPoolExecutor(
        POOL_SIZE, multiprocessing.get_context("spawn"), _prepare, (side,)))  # fmt: skip

    async def ask() -> int:
        seconds = await asyncio.get_running_loop().run_in_executor(pool, _run_network)
        spent[0] += seconds
        return 200

    return Target(ask, lambda: spent[0])


async def compare(clients: list[int], seconds: float, picture: bytes) -> dict[str, dict[int, Load]]:
    """Each target with so many clients; the targets in turn, so that a slow minute is all's."""
    with ExitStack() as stack:
        servers = {
            "decor serve": (api_server(log=_QUIET), PATH),
            "the app's server": (server(log=_QUIET), PATH),
            _PLAIN: (python_server(_PLAIN_COMMAND, "/health"), "/classify"),
        }
        async with _session() as session:
            targets = {
                name: asking(session, stack.enter_context(one), path, picture)
                for name, (one, path) in servers.items()
            }
            targets[_NETWORK] = _network(stack)
            found: dict[str, dict[int, Load]] = {name: {} for name in targets}
            for target in targets.values():
                await load(target, POOL_SIZE, 1.0)  # processes are started
            for count in clients:
                for name, target in targets.items():
                    found[name][count] = await load(target, count, seconds)
    return found


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(60)
    )


async def overload(seconds: float, picture: bytes, **settings: str) -> Load:
    """Four times as many clients as there is room for, who come again at once when refused."""
    with api_server(log=_QUIET, **settings) as running:
        async with _session() as session:
            target = asking(session, running, PATH, picture)
            await load(target, POOL_SIZE, 1.0)
            return await load(target, _MANY, seconds)


def _lines(found: dict[str, dict[int, Load]]) -> Iterator[str]:
    yield (f"  {'':<18}{'clients':>8}{'a second':>10}{'p50':>9}{'p95':>9}{'of network':>12}"
           f"{'of plain':>10}{'computing':>14}{'of network':>12}")  # fmt: skip
    for name, loads in found.items():
        for count, one in loads.items():
            network, plain = found[_NETWORK][count], found[_PLAIN][count]
            yield (f"  {name:<18}{count:>8}{one.rate:>10.1f}{one.quantile(0.5):>6.0f} ms"
                   f"{one.quantile(0.95):>6.0f} ms{one.rate / network.rate:>12.2f}"
                   f"{one.rate / plain.rate:>10.2f}{one.each:>11.1f} ms"
                   f"{network.each / one.each:>12.2f}")  # fmt: skip
            if wrong := one.faults or {s: len(n) for s, n in one.seconds.items() if s != 200}:
                yield f"    not answered: {dict(wrong)}"


def _overload_lines(name: str, one: Load) -> Iterator[str]:
    counts = ", ".join(f"{status}: {len(n)}" for status, n in sorted(one.seconds.items()))
    yield f"overload, {_MANY} clients, {name}: {counts}; faults: {dict(one.faults) or 'none'}"
    yield (f"  {one.rate:.1f} classified a second, p95 {one.quantile(0.95):.0f} ms; refused p95 "
           f"{one.quantile(0.95, 429, 503):.0f} ms")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="of each measurement")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--picture", type=Path, default=SAMPLES[0])
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args()
    picture = options.picture.read_bytes()
    print(*(f"{name}: {value}" for name, value in machine().items()), sep="\n")
    found = asyncio.run(compare(options.clients, options.seconds, picture))
    print(*_lines(found), sep="\n")
    told = {name: {n: one.to_json() for n, one in loads.items()} for name, loads in found.items()}
    for name, settings in (
        (f"room for {_ROOM} pictures", {"DECOR_API_WAITING": str(_ROOM)}),
        (f"{_RATE} pictures a minute", {"DECOR_API_RATE": str(_RATE)}),
    ):
        one = asyncio.run(overload(options.seconds, picture, **settings))
        print(*_overload_lines(name, one), sep="\n")
        told[f"overload: {name}"] = one.to_json()
    if options.json:
        options.json.write_text(json.dumps({**machine(), **told}, indent=1) + "\n")


if __name__ == "__main__":
    main()
