"""Taking in what was dropped: everything is taken, put aside, or left for the next look; nothing stops the rest."""

import asyncio
import fcntl
import json
import os
import socket
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posthouse.adapters.drop_folder import FolderOfDrops
from posthouse.mail.address import NULL_PATH
from posthouse.mail.errors import MalformedError, SpoolError
from posthouse.mail.limits import Limits
from posthouse.mail.lookup import BUILTIN
from posthouse.mail.queued import RecipientState
from posthouse.site.model import Domain, DomainKind, TableKind, TableSource
from posthouse.smtpd.peer import login_name
from posthouse.submit.dropped import DroppedEnvelope, longest_line, read_envelope
from support.drops import JOE, LINE, TEXT, Drop
from support.spool_letters import SENDER, envelope, text_of

OWNER = login_name(os.getuid())
TINY = Limits(spool_free_octets=0, text_octets=64 * 1024, recipients=100, command_octets=512, header_octets=1000)


@pytest.fixture
def drop(tmp_path):
    return Drop(tmp_path)


def kept_text(drop, row):
    return asyncio.run(text_of(drop.spool, row.message.queue_id))


def test_a_dropped_message_is_queued_in_its_owners_name(drop):
    name = drop.leave()

    drop.look()

    (row,) = drop.queued()
    assert (row.state, str(row.recipient.address), row.message.reverse_path) == (RecipientState.QUEUED, JOE, SENDER)
    text = kept_text(drop, row)
    assert text.endswith(TEXT)
    assert f"(Posthouse, from user {OWNER})".encode() in text
    assert drop.names() == []
    (event,) = drop.log.named("picked-up")
    assert (event["queue_id"], event["file"], event["user"]) == (row.message.queue_id, name, OWNER)


def test_nothing_is_completed_a_second_time(drop):
    drop.leave()

    drop.look()

    assert b"\nDate:" not in kept_text(drop, drop.queued()[0])


def test_a_recipient_refused_now_is_owed_a_report(drop):
    drop.leave(envelope(JOE, "nobody@example.org"))

    drop.look()

    good, bad = drop.queued()
    assert (good.state, bad.state) == (RecipientState.QUEUED, RecipientState.REPORTING)
    assert (str(bad.recipient.address), str(bad.outcome.status), bad.outcome.tried) == (
        "nobody@example.org",
        "5.1.1",
        False,
    )
    assert [event["recipient"] for event in drop.log.named("failed")] == ["nobody@example.org"]


def test_mail_whose_every_recipient_is_refused_is_still_reported(drop):
    drop.leave(envelope("nobody@example.org"))

    drop.look()

    assert [row.state for row in drop.queued()] == [RecipientState.REPORTING]
    assert drop.names() == []


def with_broken_table(tmp_path):
    """A domain whose users stand in a file that is not there yet."""
    people = TableSource("people", TableKind.INLINE, entries=(("joe", ("a person",), BUILTIN),))
    staff = TableSource("staff", TableKind.FILE, path=tmp_path / "staff")
    domains = {
        "example.org": Domain("example.org", DomainKind.LOCAL, users=("people",)),
        "staff.example": Domain("staff.example", DomainKind.LOCAL, users=("staff",)),
    }
    return Drop(tmp_path, changes={"domains": domains, "tables": {"people": people, "staff": staff}})


def test_a_table_that_cannot_answer_leaves_the_file_and_the_others_are_taken(tmp_path):
    drop = with_broken_table(tmp_path)
    waits = drop.leave(envelope("boss@staff.example", JOE))
    drop.clock.advance(1)
    drop.leave()

    drop.look()

    assert drop.names() == [waits]
    assert [str(row.recipient.address) for row in drop.queued()] == [JOE]
    drop.look()
    assert len(drop.log.named("trouble")) == 1  # left alone for a while: no line in the log at every look

    (tmp_path / "staff").write_text("boss x\n")
    drop.clock.advance(timedelta(minutes=11))
    drop.look()

    assert drop.names() == []
    assert sorted(str(row.recipient.address) for row in drop.queued()) == ["boss@staff.example", JOE, JOE]


def test_what_waited_as_long_as_mail_is_kept_fails(tmp_path):
    drop = with_broken_table(tmp_path)
    drop.leave(envelope("boss@staff.example"))
    drop.clock.advance(drop.site.retry.expire_after + timedelta(seconds=5))

    drop.look()

    (row,) = drop.queued()
    assert (row.state, row.outcome.status.class_) == (RecipientState.REPORTING, 5)


def test_spool_trouble_leaves_the_file(drop):
    name = drop.leave()
    drop.spool.trouble = SpoolError("the disk is gone")

    drop.look()

    assert drop.names() == [name]
    drop.spool.trouble = None
    drop.clock.advance(11)
    drop.look()
    assert drop.names() == []
    assert len(drop.queued()) == 1


def rcpt(*recipients):
    return json.dumps({"drop": 1, "mail": "FROM:<>", "rcpt": recipients}).encode() + b"\n"


NO_MESSAGES = {
    "empty": b"",
    "garbage": os.urandom(1000),
    "no end of the line": LINE.rstrip(),
    "no JSON": b"drop me\n",
    "deep JSON": b"[" * 5000 + b"\n",
    "deep in an unknown field": b'{"drop":1,"x":' + b"[" * 5000 + b"\n",
    "another type": b'{"drop":"1","mail":"FROM:<>","rcpt":["TO:<joe@example.org>"]}\n',
    "a newer version": b'{"drop":2}\n',
    "an unknown field": LINE.replace(b'"rcpt"', b'"x":1,"rcpt"'),
    "not UTF-8": LINE.replace(b"ann", b"\xff"),
    "half a surrogate": LINE.replace(b"ann", b"\\ud800"),
    "no recipients": rcpt(),
    "too many recipients": rcpt(*["TO:<joe@example.org>"] * 101),
    "a line end in an address": rcpt("TO:<joe@example.org>\r\nDATA"),
    "a second command": rcpt("TO:<joe@example.org> NOTIFY=NEVER> X"),
    "an address too long": rcpt(f"TO:<{'x' * 600}@example.org>"),
    "no address": rcpt("TO:joe"),
    "null recipient": rcpt("TO:<>"),
    "unknown parameter": LINE.replace(b"example.net>", b"example.net> EVIL=1"),
    "declares too large a text": LINE.replace(b"example.net>", b"example.net> SIZE=99999999999"),
    "text too large": LINE + b"x" * (64 * 1024 + 1),
    "file too large": LINE + b"x" * (64 * 1024 + 512 * 101 + 1),
    "header too large": LINE + b"X: " + b"x" * 1001 + b"\r\n\r\n",
    "a loop": LINE + b"Received: x\r\n" * 50 + b"\r\n",
}


@pytest.mark.parametrize("content", NO_MESSAGES.values(), ids=list(NO_MESSAGES))
def test_what_is_no_message_is_put_aside_whole_and_the_next_is_taken(tmp_path, content):
    limits = {name: getattr(TINY, name) for name in TINY.__struct_fields__}
    drop = Drop(tmp_path, Limits(**{**limits, "hops": 50}))
    drop.put("1.mail", content)
    drop.put("2.mail", LINE + TEXT)

    drop.look()

    assert drop.names() == []
    assert drop.aside() == ["1.mail"]
    assert next(drop.bad.iterdir()).read_bytes() == content
    assert len(drop.queued()) == 1
    (event,) = drop.log.named("set-aside")
    assert event["reason"]


def make_link(path, home):
    (home / "secret").write_bytes(LINE + TEXT)
    path.symlink_to(home / "secret")


def make_hard_link(path, home):
    (home / "secret").write_bytes(LINE + TEXT)
    path.hardlink_to(home / "secret")


def make_socket(path, _home):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(make_link, id="symbolic link"),
        pytest.param(make_hard_link, id="second name of another file"),
        pytest.param(lambda path, _: os.mkfifo(path), id="fifo"),
        pytest.param(make_socket, id="socket"),
        pytest.param(lambda path, _: path.mkdir(), id="directory"),
    ],
)
def test_what_is_no_plain_file_is_neither_opened_nor_followed(drop, tmp_path, make):
    make(drop.folder / "1.mail", tmp_path)
    drop.put("2.mail", LINE + TEXT)

    drop.look()

    assert drop.aside() == ["1.mail"]
    assert len(drop.queued()) == 1


@pytest.mark.parametrize("name", ["1.txt", "mail", "\u2028.mail x", "x" * 250])
def test_a_file_of_another_name_is_put_aside(drop, name):
    drop.put(name, LINE + TEXT)

    drop.look()

    assert drop.names() == []
    assert drop.aside() == [name[:200]]


def test_two_of_one_name_are_both_kept_aside(drop):
    for _ in range(2):
        drop.put("1.mail", b"bad")
        drop.look()

    assert drop.aside() == ["1.mail", "1.mail"]


def test_bare_line_ends_do_not_get_through(drop):
    drop.put("1.mail", LINE + b"Subject: x\n\nevil\n.\nMAIL FROM:<x>\rlast")

    drop.look()

    text = kept_text(drop, drop.queued()[0])
    assert text.endswith(b"Subject: x\r\n\r\nevil\r\n.\r\nMAIL FROM:<x>\r\nlast\r\n")


def test_a_user_may_send_to_anybody_and_as_nobody(drop):
    drop.leave(envelope("someone@example.com", sender=NULL_PATH))

    drop.look()

    (row,) = drop.queued()
    assert (row.recipient.route.channel, row.message.reverse_path) == ("smtp", NULL_PATH)


def test_a_file_that_somebody_holds_is_left_until_he_lets_go(drop):
    name = drop.leave()
    with (drop.folder / name).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        drop.look()
        assert drop.queued() == []

    drop.look()

    assert len(drop.queued()) == 1


def test_two_processes_never_take_the_same_message(drop):
    for _ in range(20):
        drop.leave()

    async def both():
        await asyncio.gather(drop.pickup.look(), drop.new_pickup().look())

    asyncio.run(both())

    assert len(drop.queued()) == 20
    assert drop.names() == []


class Stuck(FolderOfDrops):
    """A folder from which nothing can be removed."""

    async def remove(self, name: str) -> None:
        raise SpoolError(f"{name} stays")


def test_a_file_that_cannot_be_removed_is_not_taken_again(drop):
    drop.leave()
    pickup = drop.new_pickup(Stuck(drop.home / "spool", 1_000_000, login_name))

    drop.look(pickup)
    drop.clock.advance(timedelta(days=30))
    drop.look(pickup)

    assert len(drop.queued()) == 1


def test_leaving_stops_between_two_messages(drop):
    drop.leave()
    drop.pickup.leave()

    drop.look()

    assert len(drop.names()) == 1
    assert drop.queued() == []


def test_a_spool_without_a_drop_has_nothing_to_take(drop):
    drop.folder.rmdir()

    drop.look()

    assert drop.log.events == []


def test_old_leftovers_of_a_crash_are_removed(drop, monkeypatch):
    drop.put(".half", b"half")
    drop.look()
    assert drop.names() == [".half"]
    later = drop.clock.now().timestamp() + 3700
    monkeypatch.setattr("posthouse.adapters.drop_folder.time.time", lambda: later)

    drop.look()

    assert drop.names() == []


TEXTS = st.text(max_size=60)
VALUES = st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, st.lists, max_leaves=5)
PATHS = st.sampled_from(["FROM:<>", "FROM:<a@b.c>", "TO:<a@b.c>", 'TO:<"a b"@c>', "TO:<@x:a@b>"])
OBJECTS = st.fixed_dictionaries(
    {"drop": st.just(1) | VALUES, "mail": PATHS | st.builds(str.__add__, PATHS, TEXTS) | VALUES},
    optional={"rcpt": st.lists(PATHS | st.builds(str.__add__, PATHS, TEXTS)) | VALUES, "x": VALUES},
)
LINES = st.binary(max_size=200) | OBJECTS.map(lambda value: json.dumps(value).encode() + b"\n")


@given(LINES)
def test_any_first_line_is_an_envelope_or_malformed(line):
    """Any octets give an envelope within the limits, or MalformedError."""
    try:
        found = read_envelope(line, TINY)
    except MalformedError:
        return
    assert isinstance(found, DroppedEnvelope)
    assert 0 < len(found.recipients) <= TINY.recipients
    assert all(path.address is not None for path, _ in found.recipients)
    assert len(line) <= longest_line(TINY)
