"""Whom a program runs as."""

from msgspec import Struct


class Identity(Struct, frozen=True):
    """A user and a group, by their numbers, and no further group."""

    uid: int
    gid: int
