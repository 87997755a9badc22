"""Work on several threads at once, with results in order and bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")
_MAX_THREADS = 16  # each has a network of its own, of 10 MB


def map_in_order(
    work: Callable[[T], R], items: Iterable[T], threads: int | None = None
) -> Iterator[R]:
    """``work`` of each item, in order, on so many ``threads``, by default one for each core.

    However many items there are, no more than twice as many results as threads wait to be taken,
    which ``ThreadPoolExecutor.map`` does not promise before Python 3.14. The first error ends it.
    """
    items = iter(items)
    ahead = list(islice(items, 2))
    if len(ahead) < 2:  # a thread would take its memory and win nothing
        yield from map(work, ahead)
        return
    from concurrent.futures import ThreadPoolExecutor

    count = threads or min(os.cpu_count() or 1, _MAX_THREADS)
    with ThreadPoolExecutor(count) as pool:
        waiting = deque()
        try:
            for item in chain(ahead, items):
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * count:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # after an error, or where no more results are wanted
            pool.shutdown(cancel_futures=True)
