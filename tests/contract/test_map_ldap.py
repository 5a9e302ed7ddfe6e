"""The map class ldap, against a small directory on loopback."""

import sys

import pytest

from contract.test_map import World
from posthouse.adapters.cf_maps import open_cf_maps
from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.logins_passwd import FileLogins
from posthouse.mail.lookup import MapStatus
from posthouse.site.cf.machine import Machine, Surroundings
from posthouse.site.cf.reader import read_cf
from support.ldap_peer import BUSY, LdapPeer

pytestmark = pytest.mark.filterwarnings("ignore:(tagMap|typeMap) is deprecated:DeprecationWarning")  # ldap3's

PEOPLE = {"ann": ["ann@a.example", "ann@b.example"], "a)(b": ["odd@a.example"], "j\u00f6rg": ["j\u00f6rg@a.example"]}


def asked(tmp_path, peer, flags, key, *arguments):
    world = World(tmp_path)
    opened = world.open("ldap", f"{flags} -h 127.0.0.1:{peer.port} -b o=example -l 2")
    assert not world.complaints
    return world.ask(opened, key, *arguments)


def test_the_first_value_is_the_answer(tmp_path):
    with LdapPeer(PEOPLE) as peer:
        answer = asked(tmp_path, peer, "-k (uid=%0) -v mail", "ann")
        nobody = asked(tmp_path, peer, "-k (uid=%0) -v mail", "bob")

    assert answer.value == "ann@a.example"
    assert nobody.status is MapStatus.NOT_FOUND


def test_a_delimiter_joins_all_values(tmp_path):
    with LdapPeer(PEOPLE) as peer:
        assert asked(tmp_path, peer, "-k (uid=%s) -v mail -z,", "ann").value == "ann@a.example,ann@b.example"


def test_values_can_be_preceded_by_their_attribute(tmp_path):
    with LdapPeer(PEOPLE) as peer:
        assert asked(tmp_path, peer, "-k (uid=%0) -v mail -V =", "ann").value == "mail=ann@a.example"
        assert asked(tmp_path, peer, "-k (uid=%0) -v mail -n", "ann").value == "mail"


def test_what_is_special_in_a_filter_is_quoted(tmp_path):
    with LdapPeer(PEOPLE) as peer:
        assert asked(tmp_path, peer, "-k (uid=%0) -v mail", "a)(b").value == "odd@a.example"

    assert peer.keys == ["a)(b"]


def test_an_argument_stands_for_its_number(tmp_path):
    with LdapPeer(PEOPLE) as peer:
        assert asked(tmp_path, peer, "-k (uid=%1) -v mail", "x", "ann").value == "ann@a.example"


def test_keys_and_values_are_utf8_in_the_directory(tmp_path):
    octets = "j\u00f6rg".encode().decode("latin-1")

    with LdapPeer(PEOPLE) as peer:
        assert asked(tmp_path, peer, "-k (uid=%0) -v mail", octets).value == f"{octets}@a.example"


def test_the_next_server_is_asked_when_one_is_gone(tmp_path):
    world = World(tmp_path)
    with LdapPeer(PEOPLE) as gone:
        pass
    with LdapPeer(PEOPLE) as peer:
        opened = world.open(
            "ldap", f'-k (uid=%0) -v mail -H "ldap://127.0.0.1:{gone.port} ldap://127.0.0.1:{peer.port}" -l 2'
        )

        assert world.ask(opened, "ann").value == "ann@a.example"


def test_a_directory_that_is_busy_or_gone_defers(tmp_path):
    with LdapPeer(PEOPLE, result=BUSY) as peer:
        busy = asked(tmp_path, peer, "-k (uid=%0) -v mail", "ann")
    gone = asked(tmp_path, peer, "-k (uid=%0) -v mail", "ann")

    assert busy.status is gone.status is MapStatus.TEMPORARY
    assert "busy" in busy.reason


def test_without_the_library_the_map_defers_and_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ldap3", None)  # as if it were not installed
    monkeypatch.delitem(sys.modules, "ldap3.utils.conv", raising=False)
    monkeypatch.delitem(sys.modules, "ldap3.core.exceptions", raising=False)

    with LdapPeer(PEOPLE) as peer:
        answer = asked(tmp_path, peer, "-k (uid=%0) -v mail", "ann")

    assert answer.status is MapStatus.TEMPORARY
    assert "posthouse[ldap]" in answer.reason


@pytest.mark.parametrize(
    ("flags", "about"),
    [
        ("-v mail", "filter"),
        ("-k (x=%0) -v mail:OBJECTCLASS:person", "-v"),
        ("-k (x=%0) -M LDAP_AUTH_KRBV4", "-M"),
        ("-k (x=%0) -s tree", "-s"),
        ("-k (x=%0) -l 0", "-l"),
        ("-k (x=%0) -l 0000000001", "-l"),
        ("-k (x=%0) -h a.example:65536", "port"),
        ('-k (x=%0) -H "ldap://a.example:0"', "port"),
        ("-k (x=%0) -H http://x", "-H"),
    ],
)
def test_a_k_line_that_makes_no_sense_is_said_and_never_asked(flags, about, tmp_path):
    world = World(tmp_path)
    opened = world.open("ldap", flags)

    assert about in " ".join(world.complaints)
    assert world.ask(opened, "ann").status is MapStatus.BROKEN


def test_the_default_specification_stands_before_every_k_line(tmp_path):
    with LdapPeer(PEOPLE) as peer:
        cf = tmp_path / "x.cf"
        cf.write_text(
            f"V10/Berkeley\nO LDAPDefaultSpec=-h 127.0.0.1:{peer.port} -b o=example -z,\n"
            "Kpeople ldap -k (uid=%0) -v mail\nKone ldap -k (uid=%0) -v mail -z;\n"
        )
        configuration = read_cf(cf, Surroundings(Machine("mx1")))
        clock = ManualClock()
        (tmp_path / "passwd").write_text("")
        opened = open_cf_maps(configuration, clock, FileLogins(tmp_path / "passwd", clock), tmp_path / "hosts")
        world = World(tmp_path)

        assert world.ask(opened.maps["people"], "ann").value == "ann@a.example,ann@b.example"
        assert world.ask(opened.maps["one"], "ann").value == "ann@a.example;ann@b.example"
