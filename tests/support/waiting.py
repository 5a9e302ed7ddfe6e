"""Waiting for what another process does: always for a condition, always with a deadline.

The deadline bounds a failure and nothing else: a machine may be busy with other things for as long as it likes.
"""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

LONG = 100.0  # seconds; the longest wait for what must come


def until(condition: Callable[[], T], what: str, seconds: float = LONG) -> T:
    """Return the condition's first true value, or fail saying what was awaited."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds:g} s in vain for {what}")
        pause.wait(0.01)
