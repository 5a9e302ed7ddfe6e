"""``.forward`` and ``:include:`` files, read with the rights of their users."""

import asyncio
import os
import pwd
import sys
from pathlib import Path

import pytest

from posthouse.adapters.address_files_user import MAX_OCTETS, FileRules, UserAddressFiles
from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.logins_passwd import FileLogins, MachineLogins
from posthouse.mail.account import Account
from posthouse.tables.address_lines import address_lines
from support.other_user import USER, needs_root, public_home

pytestmark = needs_root


@pytest.fixture
def home():
    with public_home() as folder:
        os.chown(folder, pwd.getpwnam(USER).pw_uid, -1)
        yield folder


@pytest.fixture
def user():
    return MachineLogins(ManualClock()).find(USER)


def files(**rules):
    return UserAddressFiles(MachineLogins(ManualClock()), FileRules(**rules))


def forward(user, *paths, **rules):
    return asyncio.run(files(**rules).forward([str(path) for path in paths], user))


def include(reader, path, **rules):
    return asyncio.run(files(**rules).include(str(path), reader))


def written(path, user, text="bob\n", mode=0o644):
    path.write_text(text)
    path.chmod(mode)
    if user is not None:
        os.chown(path, user.uid, user.gid)
    return path


def test_lines_of_addresses_are_numbered_and_comments_are_not_addresses():
    text = b'# c\n\nann, bob\n  \n"|x #@#y" #@# why\n#@# all\r\nlast\r'

    assert address_lines(text) == ((3, "ann, bob"), (5, '"|x #@#y"'), (7, "last"))


def test_the_first_file_of_the_path_counts(home, user):
    written(home / ".forward", user, "second\n")
    written(home / ".forward+tag", user, "# first\n\\ann, bob\n")

    found = forward(user, home / "none", home / ".forward+tag", home / ".forward")

    assert found.path.endswith(".forward+tag")
    assert found.lines == ((2, "\\ann, bob"),)
    assert (found.uid, found.owner, found.is_safe) == (user.uid, USER, True)


def test_without_such_a_file_there_is_nothing(home, user):
    assert forward(user, home / ".forward", home / "nowhere" / ".forward") is None


def test_roots_file_counts_as_the_users_own(home, user):
    assert forward(user, written(home / ".forward", None)).owner == "root"


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_a_file_that_others_can_write_is_not_believed(mode, home, user):
    assert forward(user, written(home / ".forward", user, mode=mode)) is None


def test_somebody_elses_file_is_not_believed(home, user):
    other = MachineLogins(ManualClock()).find("mail")

    assert forward(user, written(home / ".forward", other)) is None


def test_a_link_to_what_the_user_may_not_read_shows_nothing(home, user):
    secret = written(home.parent / f"{home.name}-secret", None, "secret@example.org\n", mode=0o600)
    try:
        (home / ".forward").symlink_to(secret)

        assert forward(user, home / ".forward") is None
    finally:
        secret.unlink()


def test_a_file_in_a_place_where_everybody_may_write_is_not_believed_unless_allowed(home, user):
    home.chmod(0o777)
    path = written(home / ".forward", user)

    assert forward(user, path) is None
    assert forward(user, path, checks_directories=False).lines == ((1, "bob"),)


def test_a_file_that_belongs_to_no_account_still_has_its_number(home):
    nobody_knows = Account("ghost", 54321, 54321, home=str(home))
    written(home / ".forward", nobody_knows)

    found = forward(nobody_knows, home / ".forward")

    assert (found.uid, found.owner) == (54321, "")


@pytest.mark.parametrize(
    ("name", "error"),
    [("none", "No such file or directory"), ("folder", "Regular files only"), ("pipe", "Regular files only")],
)
def test_an_include_that_cannot_be_opened_says_why(name, error, home, user):
    (home / "folder").mkdir()
    os.mkfifo(home / "pipe")
    (home / "pipe").chmod(0o644)

    found = include(user, home / name)

    assert (found.error, found.is_temporary, found.lines) == (error, False, ())


def test_an_include_is_read_by_its_reader_alone(home, user):
    path = written(home / "list", None, mode=0o600)

    assert include(user, path).error == "Permission denied"
    assert include(Account("root", 0, 0), path).lines == ((1, "bob"),)


@pytest.mark.parametrize(("mode", "is_safe"), [(0o644, True), (0o664, False), (0o646, False)])
def test_an_include_that_others_can_write_is_unsafe_for_programs(mode, is_safe, home, user):
    allowed = {"include_group_writable": True, "include_world_writable": True}

    assert include(user, written(home / "list", user, mode=mode), **allowed).is_safe is is_safe


@pytest.mark.parametrize(
    ("mode", "error"), [(0o664, "Group writable file"), (0o666, "Group writable file"), (0o646, "World writable file")]
)
def test_an_include_that_others_can_write_is_not_read_unless_that_is_allowed(mode, error, home, user):
    assert include(user, written(home / "list", user, mode=mode)).error == error


@pytest.mark.parametrize(("octets", "error"), [(MAX_OCTETS, ""), (MAX_OCTETS + 1, f"larger than {MAX_OCTETS} octets")])
def test_an_include_has_a_bound(octets, error, home, user):
    assert include(user, written(home / "list", user, "x" * octets)).error == error


def test_an_include_needs_a_whole_path(user):
    assert include(user, "list").error == "Permission denied"
    assert include(user, "/a\0b").error


def test_a_child_that_cannot_be_had_defers(home, user, monkeypatch):
    path = written(home / ".forward", user)
    monkeypatch.setattr(sys, "executable", "/bin/false")

    found = forward(user, path)

    assert found.is_temporary
    assert found.error


def test_nothing_stays_open(home, user):
    before = len(list(Path("/proc/self/fd").iterdir()))
    path = written(home / ".forward", user)

    for _ in range(3):
        forward(user, path)
        include(user, path)

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_users_of_a_passwd_file_of_ones_own_are_users(tmp_path):
    clock = ManualClock()
    (tmp_path / "passwd").write_text("# c\nbad line\nann:x:2001:100:Ann & Co, office:/h:/bin/sh\nx:x:12a:1:::\n")
    (tmp_path / "shells").write_text("# shells\n/bin/sh\n")
    logins = FileLogins(tmp_path / "passwd", clock, tmp_path / "shells")

    ann = logins.find("ANN")

    assert (ann.uid, ann.home, ann.full_name) == (2001, "/h", "Ann Ann Co")
    assert logins.by_uid(2001) == ann
    assert [account.login for account in logins.accounts()] == ["ann"]
    assert logins.find("2001") is None
    assert logins.find("x") is None
    assert [logins.shell_is_listed(shell) for shell in ("/bin/sh", "", "/bin/false")] == [True, True, False]


@pytest.mark.parametrize(
    ("gecos", "name"),
    [("Carol & Co", "Carol Carol Co"), ("Dave, D. (Dr)", "Dave"), ("*Eve (Dr) Example;x", "Eve Example"), ("", "")],
)
def test_full_names_come_from_the_gecos_field(gecos, name):
    assert Account("carol", 1, 1, gecos).full_name == name


def test_a_listed_wildcard_makes_every_shell_good(tmp_path):
    (tmp_path / "shells").write_text("/SENDMAIL/ANY/SHELL/\n")

    assert MachineLogins(ManualClock(), tmp_path / "shells").shell_is_listed("/bin/false")
