"""The server's memory: what is there is looked at seldom, but not never."""

import weakref

from decor_app.hosting.memory import collect_garbage, freeze_heap


class _Session:
    def __init__(self) -> None:
        self.page = self  # a knot that only the collector unties


def test_a_session_that_lived_through_a_freeze_goes_with_the_next():
    left = _Session()
    seen = weakref.ref(left)
    freeze_heap()
    del left
    collect_garbage()
    assert seen() is not None  # that is what freezing saves
    freeze_heap()  # and the rest stays frozen, as conftest.py has it
    assert seen() is None
