"""How many connections the workers of one generation have together, and from whom.

Workers are processes that share nothing else.  They count on a page of memory that
stood before they were forked: each writes its own row and reads all of them.  The rule: nobody waits
for anybody, so two connections that come at the same moment may both be let in where there was room for one.

Clients are counted by a hash of their address.  Two clients that fall into one column count
as one: among the ten thousand columns that takes more clients than a limit would let in.
"""

import mmap

COLUMNS = 16_384
_TOTAL = 0  # the column that counts all connections of a worker
_CELL_OCTETS = 4


class Board:
    """The page.  Make it before the workers are forked."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._page = mmap.mmap(-1, workers * (COLUMNS + 1) * _CELL_OCTETS)
        self._cells = memoryview(self._page).cast("I")

    def seat(self, number: int) -> "Seat":
        """Return the row of a worker (from 0).  One that takes the place of a dead worker calls ``Seat.clear``."""
        return Seat(self._cells, number, self.workers)


class Seat:
    """One worker's row, and a view of the others."""

    def __init__(self, cells: "memoryview[int]", number: int, workers: int) -> None:
        self._cells = cells
        self._own = number * (COLUMNS + 1)
        self._rows = [row * (COLUMNS + 1) for row in range(workers)]
        self.workers = workers

    def clear(self) -> None:
        """Begin with no connections."""
        self._cells[self._own : self._own + COLUMNS + 1] = memoryview(bytes((COLUMNS + 1) * _CELL_OCTETS)).cast("I")

    def total(self) -> int:
        """How many connections all workers have."""
        return self._sum(_TOTAL)

    def of_this_worker(self) -> int:
        """How many of them are our own."""
        return self._cells[self._own + _TOTAL]

    def of_client(self, client: str) -> int:
        """How many of them are this client's."""
        return self._sum(_column(client))

    def enter(self, client: str) -> None:
        """Count a connection of our own in."""
        self._cells[self._own + _TOTAL] += 1
        self._cells[self._own + _column(client)] += 1

    def leave(self, client: str) -> None:
        """Count it out."""
        self._cells[self._own + _TOTAL] -= 1
        self._cells[self._own + _column(client)] -= 1

    def _sum(self, column: int) -> int:
        cells = self._cells
        total = 0
        for row in self._rows:
            total += cells[row + column]
        return total


def _column(client: str) -> int:
    # Python's own hash: drawn anew at each start of the daemon, and the same in all that it forks.
    return 1 + hash(client) % COLUMNS
