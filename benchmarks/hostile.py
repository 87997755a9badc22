"""Hostile clients against the HTTP API: what lies, stalls, breaks off, bursts, or makes no sense.

    python benchmarks/hostile.py [--requests 10000] [--seed 0] [--at-once 32] [--only NUMBER]
                                 [--app]

Starts the API alone, with the limits of a small server and short patience; or (``--app``) the app,
whose server answers what is no HTTP in words of its own and waits for slow heads, so that only
answers of 500 and faults are findings there.
Findings are: an answer of 500, none in PATIENCE seconds, an error that is no problem of RFC 9457
with its request's id, a fault in the log, memory that grows, a server that no longer classifies.
Each attack is made again by its number. Linux only: memory is read from /proc.
"""

import argparse
import asyncio
import json
import random
import socket
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import h11

from benchmarks.attack import CLASSIFY, Attack, pictures
from benchmarks.attack_bodies import bomb_files
from benchmarks.attacks import ATTACKS
from benchmarks.running import HOST, Server, api_server, server

PATIENCE = 60.0  # seconds: the machine may be busy
SHORT = "import decor_app.api.limits as limits; limits.IDLE_TIMEOUT, limits.BODY_TIMEOUT = 3.0, 5.0"
SETTINGS = {"DECOR_HOSTED": "1", "DECOR_API_RATE": "1000000", "DECOR_API_MB": "2"}
MAX_GROWTH = 60.0, 150.0  # MB (10⁶ bytes), of the server and of what looks at pictures
_UNANSWERED = (OSError, TimeoutError, h11.RemoteProtocolError)
# SO_LINGER: what was sent is forgotten, and the other end is told.
_RESET = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def fault(self, statuses: Sequence[int] = ()) -> str:
        """What is wrong with it, or ""."""
        if self.status == 500 or (statuses and self.status not in statuses):
            return f"{self.status}, expected {statuses or 'no 500'}: {self.body[:300]!r}"
        if self.status < 400 or not self.body:
            return ""
        if self.headers.get("content-type") != "application/problem+json":
            return f"{self.status} is no problem: {self.headers.get('content-type')}"
        told = json.loads(self.body)
        if told["status"] != self.status or not told["detail"] or len(self.body) > 200_000:
            return f"{self.status} is told as {self.body[:300]!r}"
        if told.get("request_id") != self.headers.get("x-request-id", ""):
            return f"{self.status} without its request's id"
        if self.status in (429, 503) and "retry-after" not in self.headers:
            return f"{self.status} without Retry-After"
        return ""


class _Reader:
    """Bytes → answers."""

    def __init__(self, method: str) -> None:
        self._method = method
        self._begin()

    def _begin(self) -> None:
        self._connection = h11.Connection(h11.CLIENT)
        self._connection.send(h11.Request(method=self._method, target="/", headers=[("Host", "x")]))
        self._connection.send(h11.EndOfMessage())

    def feed(self, data: bytes) -> Iterator[Answer]:
        """The answers that are complete with ``data``; b"" is the end of the connection."""
        self._connection.receive_data(data)
        while True:
            event = self._connection.next_event()
            if isinstance(event, h11.Response):
                headers = {name.decode(): value.decode() for name, value in event.headers}
                self._status, self._headers, self._body = event.status_code, headers, b""
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                yield Answer(self._status, self._headers, self._body)
                rest, _ = self._connection.trailing_data
                self._begin()
                if rest:
                    self._connection.receive_data(rest)
            elif not isinstance(event, h11.InformationalResponse):
                return


async def attempt(port: int, attack: Attack, patience: float = PATIENCE) -> list[Answer]:
    """The answers to an attack; OSError or TimeoutError where they do not come."""
    reader, writer = await asyncio.open_connection(HOST, port)

    async def send() -> None:
        try:
            for piece in attack.pieces:
                if isinstance(piece, bytes):
                    writer.write(piece)
                    await writer.drain()
                else:
                    await asyncio.sleep(piece)
        except OSError:
            pass  # it has heard enough

    sending = asyncio.create_task(send())
    found: list[Answer] = []
    try:
        if attack.leaves:
            await sending
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return found
        first = attack.pieces[0]
        is_head = isinstance(first, bytes) and first.startswith(b"HEAD ")
        parser = _Reader("HEAD" if is_head else "GET")
        async with asyncio.timeout(patience):
            while len(found) < attack.answers:
                data = await reader.read(2**16)
                found += parser.feed(data)
                if not data:
                    break
        return found
    finally:
        sending.cancel()
        writer.close()


@dataclass
class Report:
    """What attacks of each kind were answered with, and all that is wrong.

    A ``lenient`` one finds only faults of the server.
    """

    lenient: bool = False
    statuses: dict[str, Counter] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    slowest: float = 0.0

    async def take(self, port: int, seed: int, number: int) -> None:
        """Make an attack and keep what came of it."""
        name, attack = attack_of(seed, number)
        started = time.monotonic()
        answers = await attempt(port, attack)
        self.slowest = max(self.slowest, time.monotonic() - started)
        self.statuses.setdefault(name, Counter()).update(one.status for one in answers)
        if self.lenient:
            answers = [one for one in answers if one.status == 500]
        faults = [one.fault(attack.statuses) for one in answers]
        if len(answers) < attack.answers and not (attack.leaves or self.lenient):
            faults.append(f"{len(answers)} answers of {attack.answers}")
        self.findings += [f"{number} {name}: {fault}" for fault in faults if fault]


def attack_of(seed: int, number: int) -> tuple[str, Attack]:
    """The attack of that number: always the same."""
    rng = random.Random(f"{seed} {number}")
    (name,) = rng.choices(list(ATTACKS), [share for _, share in ATTACKS.values()])
    return name, ATTACKS[name][0](rng)


async def attacks(
    port: int, numbers: Sequence[int], seed: int, at_once: int, lenient: bool = False
) -> Report:
    """Make the attacks of those numbers, some at once, and see that the server goes on.

    An attack that is left without an answer is made again alone: on a busy machine a client may
    have been slower than the server bears.
    """
    report, waiting, unanswered = Report(lenient), iter(numbers), []
    bomb_files()  # so that no connection waits for them
    picture = Attack((_classify(pictures()[0]),), (200,))
    (first,) = await attempt(port, picture)

    async def client() -> None:
        for number in waiting:
            try:
                await report.take(port, seed, number)
            except _UNANSWERED:
                unanswered.append(number)

    await asyncio.gather(*(client() for _ in range(at_once)))
    for number in unanswered:
        try:
            await report.take(port, seed, number)
        except _UNANSWERED as error:
            report.findings += [] if lenient else [f"{number}: {error!r}"]
    (last,) = await attempt(port, picture)
    if last.body != first.body:
        report.findings.append(f"a picture was {first.body!r}, and is {last.body!r}")
    return report


def _classify(picture: bytes) -> bytes:
    head = f"POST {CLASSIFY} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(picture)}\r\n\r\n"
    return head.encode() + picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--only", type=int, metavar="NUMBER", help="make one attack and tell it")
    parser.add_argument("--app", action="store_true", help="against the app's own server")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        start = server(log=log, **SETTINGS) if options.app else api_server(SHORT, log, **SETTINGS)
        with start as target:
            if options.only is not None:
                _tell(target, options.seed, options.only)
            else:
                _attack(target, options)
        _tell_log(log)


def _attack(target: Server, options: argparse.Namespace) -> None:
    """All attacks, in ten parts; memory is compared with that after the first."""
    whole, memory, started = Report(options.app), [], time.monotonic()
    part = max(options.requests // 10, 1)
    for start in range(0, options.requests, part):
        numbers = [*range(start, min(start + part, options.requests))]
        if options.app:
            numbers = [n for n in numbers if attack_of(options.seed, n)[0] != "slow"]
        report = asyncio.run(
            attacks(target.port, numbers, options.seed, options.at_once, lenient=options.app)
        )
        for name, found in report.statuses.items():
            whole.statuses.setdefault(name, Counter()).update(found)
        whole.findings += report.findings
        whole.slowest = max(whole.slowest, report.slowest)
        memory.append(target.memory())
    for name, found in sorted(whole.statuses.items()):
        told = ", ".join(f"{status}: {n}" for status, n in sorted(found.items()))
        print(f"  {name:<18}{found.total():>6}  {told}")
    print(f"{options.requests} attacks in {time.monotonic() - started:.0f} s, the longest "
          f"{whole.slowest:.1f} s")  # fmt: skip
    for place, name in enumerate(("the server", "what looks at pictures")):
        values = [row[place] for row in memory]
        print(f"memory of {name}: {values[0]:.0f} MB after a tenth, {values[-1]:.0f} in the end")
        if values[-1] - values[0] > MAX_GROWTH[place]:
            whole.findings.append(f"memory of {name}: {values}")
    print(f"{len(whole.findings)} findings", *whole.findings[:40], sep="\n  ")


def _tell(target: Server, seed: int, number: int) -> None:
    name, attack = attack_of(seed, number)
    print(name, [piece[:2_000] if isinstance(piece, bytes) else piece for piece in attack.pieces])
    for answer in asyncio.run(attempt(target.port, attack)):
        print(answer, answer.fault(attack.statuses))


def _tell_log(log: Path) -> None:
    """Print what the server has logged as faults of its own."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    faults = [line for line in lines if '"level": "error"' in line or line[:9] == "Traceback"]
    print(f"{len(faults)} faults in the log", *faults[:20], sep="\n  ")


if __name__ == "__main__":
    main()
