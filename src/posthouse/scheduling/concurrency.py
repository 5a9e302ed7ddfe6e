"""How many attempts one hop bears at once: a window that learns.

Each delivery widens it by 1/size, so that a full window of deliveries widens
it by one; a hop that cannot be reached halves it.  What a recipient was told
(deferred, failed) says nothing about the hop and changes nothing.
"""

from msgspec import Struct
from msgspec.structs import replace


class Window(Struct, frozen=True):
    """A hop's window: between 1 and ``most``."""

    size: float
    most: int

    def __post_init__(self) -> None:
        if not 1 <= self.size <= self.most:
            raise ValueError(f"a window of {self.size} is not between 1 and {self.most}")

    @property
    def attempts(self) -> int:
        """Return how many attempts may run at once."""
        return int(self.size)

    def widened(self) -> "Window":
        """After an attempt that reached the hop."""
        return replace(self, size=min(self.size + 1 / self.size, float(self.most)))

    def halved(self) -> "Window":
        """After an attempt that did not."""
        return replace(self, size=max(self.size / 2, 1.0))


def first_window(initial: int, per_host: int, slots: int) -> Window:
    """Return the window of a hop nothing is known about.

    Half of all slots is the most that any hop gets, so that one slow hop never
    holds them all.
    """
    most = max(1, min(per_host, slots // 2))
    return Window(float(max(1, min(initial, most))), most)
