"""An event log that keeps its events: for tests and for commands that show them."""

from dataclasses import dataclass, field

from msgspec import Struct


class Event(Struct, frozen=True):
    """One event as it was logged."""

    name: str
    fields: dict[str, object]


@dataclass(slots=True)
class MemoryEventLog:
    """Collects events, the newest last; nothing is left out or changed."""

    events: list[Event] = field(default_factory=list)

    def event(self, name: str, /, **fields: object) -> None:
        """Keep one event."""
        self.events.append(Event(name, fields))

    def named(self, name: str) -> list[dict[str, object]]:
        """Return the fields of every event of this name."""
        return [event.fields for event in self.events if event.name == name]
