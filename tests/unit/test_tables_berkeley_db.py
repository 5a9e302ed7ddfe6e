"""Databases of makemap, read without Berkeley DB; and damaged ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posthouse.tables.berkeley_db import MAX_VALUE_OCTETS, BerkeleyDatabase
from posthouse.tables.berkeley_pages import DamagedDatabaseError
from support.makemap import RECORDED, makemap, makemap_program

CONTENTS = {path.stem: path.read_bytes() for path in RECORDED.glob("*.db")}


def opened(content: bytes) -> BerkeleyDatabase:
    return BerkeleyDatabase(lambda offset, octets: content[offset : offset + octets])


@pytest.mark.parametrize("kind", ["hash", "btree"])
def test_values_keep_their_blanks(kind):
    database = opened(CONTENTS[f"small.{kind}"])

    assert database.get(b"bob") == b"bob at home  "
    assert database.get(b"@virtual.example") == b"%1+rest@catch.example"
    assert database.get(b"Bob") is None


@pytest.mark.parametrize("kind", ["hash", "btree"])
def test_every_key_of_many_pages_is_found_and_no_other(kind):
    database = opened(CONTENTS[f"many.{kind}"])

    assert [
        n for n in range(400) if not (database.get(b"key%03d.example" % n) or b"").startswith(b"value %03d" % n)
    ] == []
    assert [n for n in range(400) if database.get(b"key%03d" % n) is not None] == []
    assert database.get(b"") is None


@pytest.mark.parametrize("kind", ["hash", "btree"])
def test_the_first_of_several_values_counts(kind):
    database = opened(CONTENTS[f"dups.{kind}"])

    assert database.get(b"list") == b"member00@example.org"
    assert database.get(b"other") == b"one"


@pytest.mark.parametrize("kind", ["hash", "btree"])
def test_keys_and_values_may_be_longer_than_a_page(kind):
    database = opened(CONTENTS[f"long.{kind}"])

    assert database.get(b"long") == b"v" * 9000
    assert database.get(b"k" * 3000) == b"keyed"
    assert database.get(b"k" * 3000 + b"2") == b"second"
    assert database.get(b"n3" + b"x" * 900) == b"nn3"
    assert database.get(b"gone") is None


def test_keys_may_end_in_a_null():
    assert opened(CONTENTS["nulls.hash"]).get(b"alice\0") == b"ann@example.org\0"


@pytest.mark.parametrize("kind", ["hash", "btree"])
@pytest.mark.parametrize("key_octets", [1, 100, 400, 900])
def test_makemap_agrees(kind, key_octets, tmp_path):
    program = makemap_program()
    entries = {f"{n}".ljust(key_octets, "k"): "v" * (n % 90) + str(n) for n in range(700 if key_octets > 2 else 9)}
    text = "".join(f"{key} {value}\n" for key, value in entries.items())
    makemap(program, kind, tmp_path / "map", text.encode())

    database = opened((tmp_path / "map.db").read_bytes())

    assert {key for key, value in entries.items() if database.get(key.encode()) != value.encode()} == set()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        pytest.param(b"", "no database is that small", id="empty"),
        pytest.param(b"x" * 511, "no database is that small", id="an octet short"),
        pytest.param(b"x" * 512, "neither a hash nor a btree", id="something else"),
    ],
)
def test_what_is_no_database_is_refused(content, complaint):
    with pytest.raises(DamagedDatabaseError, match=complaint):
        opened(content)


@pytest.mark.parametrize(
    ("at", "value", "complaint"),
    [
        pytest.param(16, b"\x63\0\0\0", "version 99", id="a version of the future"),
        pytest.param(20, b"\x01\x10\0\0", "pages of 4097 octets", id="odd pages"),
        pytest.param(24, b"\x01", "encrypted", id="encrypted"),
        pytest.param(92, b"\0\0\0\0", "another hash function", id="another hash function"),
    ],
)
def test_what_cannot_be_read_is_said(at, value, complaint):
    content = bytearray(CONTENTS["small.hash"])
    content[at : at + len(value)] = value

    with pytest.raises(DamagedDatabaseError, match=complaint):
        opened(bytes(content))


def test_a_value_that_claims_to_be_too_large_is_refused():
    content = CONTENTS["long.btree"]
    large = content.replace((9000).to_bytes(4, "little"), (MAX_VALUE_OCTETS + 1).to_bytes(4, "little"))

    with pytest.raises(DamagedDatabaseError, match="at most"):
        opened(large).get(b"long")


@settings(max_examples=300, deadline=None)
@given(
    name=st.sampled_from(sorted(CONTENTS)),
    damage=st.lists(st.tuples(st.integers(0, 2**17), st.binary(min_size=1, max_size=8)), min_size=1, max_size=12),
    cut=st.one_of(st.none(), st.integers(0, 2**17)),
    key=st.sampled_from([b"alice", b"key123.example", b"list", b"long", b"k" * 3000, b"", b"nosuch"]),
)
def test_a_damaged_file_gives_an_answer_or_one_kind_of_error_in_bounded_reads(name, damage, cut, key):
    content = bytearray(CONTENTS[name])
    for at, octets in damage:
        place = at % len(content)
        content[place : place + len(octets)] = octets[: len(content) - place]
    damaged = bytes(content[:cut])
    reads = 0

    def read_at(offset, octets):
        nonlocal reads
        reads += 1
        return damaged[offset : offset + octets]

    try:
        answer = BerkeleyDatabase(read_at).get(key)
    except DamagedDatabaseError:
        answer = None

    assert answer is None or len(answer) <= MAX_VALUE_OCTETS
    assert reads < 200_000
