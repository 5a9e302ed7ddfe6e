"""Constant databases, cdb(5): recorded ones, and damaged ones.

tests/data/makemap/many.cdb was written by the program cdb of Debian's package tinycdb, whose library makemap uses.
"""

import shutil
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.test_map import World
from posthouse.mail.lookup import MapStatus
from posthouse.tables.berkeley_pages import DamagedDatabaseError
from posthouse.tables.cdb import HEADER_OCTETS, MAX_VALUE_OCTETS, ConstantDatabase, hash_of
from support.makemap import RECORDED

MANY = (RECORDED / "many.cdb").read_bytes()


def database(octets):
    return ConstantDatabase(lambda offset, length: octets[offset : offset + length])


def made(*pairs):
    """Write a database as cdb(5) has it."""
    body, tables = b"", {}
    for key, value in pairs:
        tables.setdefault(hash_of(key) % 256, []).append((hash_of(key), HEADER_OCTETS + len(body)))
        body += struct.pack("<II", len(key), len(value)) + key + value
    header = b""
    for number in range(256):
        entries = tables.get(number, [])
        slots = [(0, 0)] * (2 * len(entries))
        for hashed, place in entries:
            at = (hashed // 256) % len(slots)
            while slots[at][1]:
                at = (at + 1) % len(slots)
            slots[at] = (hashed, place)
        header += struct.pack("<II", HEADER_OCTETS + len(body), len(slots))
        body += b"".join(struct.pack("<II", *slot) for slot in slots)
    return header + body


def test_every_key_of_a_recorded_database_is_found():
    opened = database(MANY)

    for number in range(400):
        assert opened.get(f"user{number}".encode()) == f"user{number}@host{number % 7}.example.org".encode()
    assert opened.get(b"user400") is None
    assert opened.get(b"twice!") == b"one"


@given(st.dictionaries(st.binary(max_size=20), st.binary(max_size=40), max_size=30), st.binary(max_size=20))
def test_what_was_written_is_read_and_nothing_else(entries, other):
    opened = database(made(*entries.items()))

    assert {key: opened.get(key) for key in entries} == entries
    assert opened.get(other) == entries.get(other)


@given(st.integers(0, len(MANY)), st.integers(0, HEADER_OCTETS + 4000), st.binary(max_size=40), st.integers(0, 410))
def test_a_damaged_database_is_an_error_and_nothing_worse(end, place, garbage, number):
    octets = (MANY[:place] + garbage + MANY[place + len(garbage) :])[:end]
    with suppress(DamagedDatabaseError):
        database(octets).get(f"user{number}".encode())


@pytest.mark.parametrize(("octets", "is_read"), [(MAX_VALUE_OCTETS, True), (MAX_VALUE_OCTETS + 1, False)])
def test_values_are_read_up_to_a_size(octets, is_read):
    opened = database(made((b"big", b"x" * octets)))

    if is_read:
        assert len(opened.get(b"big")) == octets
    else:
        with pytest.raises(DamagedDatabaseError):
            opened.get(b"big")


def test_a_cdb_map_reads_the_database_beside_its_text(tmp_path):
    shutil.copy(RECORDED / "many.cdb", tmp_path / "users.cdb")
    world = World(tmp_path)
    opened = world.open("cdb", "-a. users")

    assert world.ask(opened, "USER7").value == "user7@host0.example.org."
    assert world.ask(opened, "null").value == "ok."  # a key that ends in NUL
    assert world.ask(opened, "nobody").status is MapStatus.NOT_FOUND


def test_a_cdb_map_without_a_database_reads_its_text(tmp_path):
    (tmp_path / "users").write_text("ann\tann@example.org\n")
    world = World(tmp_path)

    assert world.ask(world.open("cdb", "users"), "ann").value == "ann@example.org"


def test_a_cdb_map_that_is_cut_short_defers(tmp_path):
    (tmp_path / "users.cdb").write_bytes(MANY[:1000])
    world = World(tmp_path)

    answer = world.ask(world.open("cdb", "users"), "user7")

    assert answer.status is MapStatus.TEMPORARY
    assert "users.cdb" in answer.reason
