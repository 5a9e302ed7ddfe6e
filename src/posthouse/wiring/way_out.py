"""What a site's language may add to the way out."""

from __future__ import annotations  # so that the ports are imported by the type checker alone

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from posthouse.deliver.letter_writer import LetterWriter
    from posthouse.ports import Channel, Dialect


class SpecialWayOut(Struct, frozen=True):
    """What a site's language adds to the way out: channels of its own, a dialect, words for reports.

    ``around`` makes of a channel that the site declares the one that is used.
    """

    channels: Mapping[str, Channel] = {}
    around: Mapping[str, Callable[[Channel], Channel]] = {}
    dialect: Dialect | None = None
    letters: LetterWriter | None = None
    rests: Callable[[], bool] | None = None  # is the machine too busy for deliveries?
    close: Callable[[], Awaitable[None]] | None = None  # of what it holds open, when everything is delivered
