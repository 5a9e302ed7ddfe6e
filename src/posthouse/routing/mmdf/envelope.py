"""What the addresses of one message come to: lines to queue, aliases used, things to say."""

from posthouse.mail.notice import Notice
from posthouse.routing.mmdf.compiled import MmdfRouting
from posthouse.routing.mmdf.verdict import QueuedAddress
from posthouse.site.tailor.entries import TailorChannel


class Envelope:
    """Collects while addresses are verified.  A channel, host and address are queued once, whatever their case."""

    def __init__(self, routing: MmdfRouting) -> None:
        self._routing = routing
        self._queued: dict[tuple[int, str, str], QueuedAddress] = {}
        self._expanded: set[str] = set()
        self._said: list[str] = []  # pieces of text; a line is ended by its own piece
        self.notices: list[Notice] = []

    def queue(self, channel: TailorChannel, host: str, address: str) -> None:
        """Queue an address."""
        self.say(f"queueing for {channel.name}: via '{host}': '{address}'")
        key = (self._routing.position(channel), host.lower(), address.lower())
        self._queued.setdefault(key, QueuedAddress(channel.name, channel.que, host, address))

    def has_expanded(self, alias: str) -> bool:
        """Was this alias, with this tag, met before?  It counts as met from now on."""
        key = alias.lower()
        if key in self._expanded:
            return True
        self._expanded.add(key)
        return False

    @property
    def went_through_alias(self) -> bool:
        """Was any alias met?"""
        return bool(self._expanded)

    def begin_saying(self, address: str) -> None:
        """Say which address comes next; what is said of it follows on the same line."""
        self._said.append(f"{address}:  ")

    def say(self, line: str) -> None:
        """Say a line."""
        self._said.append(f"{line}\n")

    @property
    def queued(self) -> tuple[QueuedAddress, ...]:
        """Everything queued, in the order of the address file: by channel, host and address."""
        return tuple([self._queued[key] for key in sorted(self._queued)])

    # One line of several.

    def mark(self) -> tuple[int, int, int]:
        """Return where a line begins."""
        return len(self._queued), len(self._said), len(self.notices)

    def queued_since(self, mark: tuple[int, int, int]) -> tuple[QueuedAddress, ...]:
        """What a line added, in the order of the address file."""
        queued = self._queued
        if len(queued) - mark[0] <= 1:  # nearly always
            return tuple(queued.values())[mark[0] :]
        return tuple([queued[key] for key in sorted(list(queued)[mark[0] :])])

    def said_since(self, mark: tuple[int, int, int]) -> tuple[str, ...]:
        """What was said of a line, as lines."""
        return tuple("".join(self._said[mark[1] :]).splitlines())

    def notices_since(self, mark: tuple[int, int, int]) -> tuple[Notice, ...]:
        """The notices of a line."""
        return tuple(self.notices[mark[2] :])

    def forget_queued(self, mark: tuple[int, int, int]) -> None:
        """Take back what a line queued."""
        for key in list(self._queued)[mark[0] :]:
            del self._queued[key]
