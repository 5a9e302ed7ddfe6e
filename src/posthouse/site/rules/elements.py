"""The elements of the part ``[rewriting]``: values of the right type, each with its place.

A value of another type is a complaint at its place and counts as not given.
"""

from collections.abc import Callable, Iterator, Mapping

from msgspec import Struct

from posthouse.mail.lookup import Origin
from posthouse.site.cf.complaints import Complaints
from posthouse.site.rules.notation import NotationError, read_template

Path = tuple[str | int, ...]
MAX_LINES = 100_000  # of one text of rules


class Places(Struct, frozen=True):
    """Where paths below the part stand: ``origin`` of a key, ``text_line`` where a text over several lines begins."""

    origin: Callable[[Path], Origin]
    text_line: Callable[[Path], int]


class Element:
    """One table of the part.  Reading a value moves the complaints to its place."""

    def __init__(self, values: Mapping[str, object], path: Path, places: Places, complaints: Complaints) -> None:
        self.values = values
        self.path = path
        self.places = places
        self._complaints = complaints

    def at(self, *key: str | int) -> Path:
        """Blame what stands at a key from now on; return its whole path."""
        path = (*self.path, *key)
        self._complaints.origin = self.places.origin(path)
        return path

    def wrong(self, wrong: str, right: str) -> None:
        """Complain at the present place."""
        self._complaints.error(wrong, right)

    def unknown(self, *known: str) -> None:
        """Complain of the keys that are none."""
        for key in self.values:
            if key not in known:
                self.at(key)
                self.wrong(f'"{key}" means nothing here', f"known are: {', '.join(known)}")

    def text(self, key: str, otherwise: str = "") -> str:
        """Return a text as it stands."""
        value = self.values.get(key)
        self.at(key)
        if value is None:
            return otherwise
        if isinstance(value, str):
            return value
        self.wrong(f"{key} is no text", "write it in quotes")
        return otherwise

    def template(self, key: str) -> str:
        """Return a text in the notation as octet text."""
        return self.in_notation(self.text(key))

    def in_notation(self, text: str) -> str:
        """Read a text of this place; "" when it is not in the notation."""
        try:
            return read_template(text)
        except NotationError as error:
            self.wrong(error.wrong, error.right)
            return ""

    def number(self, key: str) -> int | None:
        """Return a number; None when there is none."""
        value = self.values.get(key)
        self.at(key)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        self.wrong(f"{key} is no number", "write it without quotes")
        return None

    def flag(self, key: str) -> bool:
        """Return a truth value; false when there is none."""
        value = self.values.get(key, False)
        self.at(key)
        if isinstance(value, bool):
            return value
        self.wrong(f"{key} is neither true nor false", "write true or false, without quotes")
        return False

    def texts(self, key: str) -> Iterator[str]:
        """Yield the texts of an array, each at its place; a text alone stands for an array of one."""
        value = self.values.get(key, [])
        self.at(key)
        if isinstance(value, str):
            yield value
            return
        if not isinstance(value, list):
            self.wrong(f"{key} is no array of texts", 'write ["...", "..."]')
            return
        for index, each in enumerate(value):
            self.at(key, index)
            if isinstance(each, str):
                yield each
            else:
                self.wrong(f"an element of {key} is no text", "write it in quotes")

    def table(self, key: str) -> "Element":
        """Return a table below; an empty one when there is none."""
        value = self.values.get(key, {})
        path = self.at(key)
        if not isinstance(value, Mapping):
            self.wrong(f"{key} is no table", "write it in brackets, or in braces")
            value = {}
        return Element(value, path, self.places, self._complaints)

    def tables(self, key: str) -> Iterator["Element"]:
        """Yield the elements of an array of tables."""
        value = self.values.get(key, [])
        path = self.at(key)
        if not isinstance(value, list):
            self.wrong(f"{key} is no array of tables", f"write [[rewriting.{key}]] for each")
            return
        for index, each in enumerate(value):
            self.at(key, index)
            if isinstance(each, Mapping):
                yield Element(each, (*path, index), self.places, self._complaints)
            else:
                self.wrong(f"an element of {key} is no table", f"write [[rewriting.{key}]] for each")

    def lines(self, key: str) -> Iterator[tuple[str, int]]:
        """Yield the lines of a text with the number of each in the file; one that begins with -> goes on."""
        text = self.text(key)
        first = self.places.text_line(self.at(key)) if text else 0
        begun, begun_at = "", 0
        written = text.split("\n")
        if len(written) > MAX_LINES:
            self.wrong(f"{key} has more than {MAX_LINES} lines", "part them among several")
        for number, line in enumerate(written[:MAX_LINES], start=first):
            if line.lstrip().startswith("->") and begun:
                begun = f"{begun} {line.strip()}"
                continue
            if begun:
                yield begun, begun_at
            begun, begun_at = line.strip(), number
            if begun.startswith("#"):
                begun = ""
        if begun:
            yield begun, begun_at
