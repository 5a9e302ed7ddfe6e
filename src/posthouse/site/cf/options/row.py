"""One row of the table of options."""

from msgspec import Struct

from posthouse.site.cf.options.kinds import Kind, Value


class Option(Struct, frozen=True):
    """An option: its full name, its old letter ("" when it has none), its values, and what it does here.

    ``effect`` says what becomes of it; when it begins with "none: " it has no effect, and the rest says why.
    """

    name: str
    letter: str
    kind: Kind
    default: Value
    effect: str

    @property
    def has_effect(self) -> bool:
        """Does it change what we do?"""
        return not self.effect.startswith(_NONE)

    @property
    def reason(self) -> str:
        """Why it has no effect."""
        return self.effect.removeprefix(_NONE)


_NONE = "none: "


def without_effect(reason: str) -> str:
    """Return the effect of an option that has none."""
    return f"{_NONE}{reason}"
