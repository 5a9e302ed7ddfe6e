"""Which hosts an attempt tries, and in which order.  RFC 5321 section 5.1."""

from random import Random

import pytest

from posthouse.channels.mail_exchangers import MOST_ADDRESSES, MOST_HOSTS, Ourselves, drop_ourselves, in_turn
from posthouse.ports import MxHost


def hosts(*pairs):
    return tuple(MxHost(name, preference, (f"192.0.2.{number}",)) for number, (name, preference) in enumerate(pairs, 1))


def names(targets):
    return [target.host for target in targets]


def test_lower_preference_comes_first():
    assert names(in_turn(hosts(("c", 30), ("a", 10), ("b", 20)), 25, Random(1))) == ["a", "b", "c"]


def test_equal_preference_is_shuffled_and_never_crosses_another():
    listed = hosts(("a1", 10), ("a2", 10), ("a3", 10), ("b", 20))
    orders = {tuple(names(in_turn(listed, 25, Random(seed)))) for seed in range(50)}

    assert len(orders) == 6  # every order of three
    assert {order[3] for order in orders} == {"b"}


def test_an_attempt_is_bounded():
    many = tuple(MxHost(f"mx{number}", number, tuple(f"192.0.2.{last}" for last in range(3))) for number in range(9))
    targets = in_turn(many, 25, Random(1))

    assert len(targets) == MOST_ADDRESSES
    assert len(set(names(targets))) <= MOST_HOSTS


def test_hosts_without_address_do_not_use_up_the_bound():
    dead = tuple(MxHost(f"dead{number}", 1, ()) for number in range(9))

    assert names(in_turn((*dead, *hosts(("live", 5))), 25, Random(1))) == ["live"]


@pytest.mark.parametrize(
    ("ours", "left"),
    [
        pytest.param("other.example", ["a", "b", "c"], id="not listed"),
        pytest.param("a", [], id="the best: loops"),
        pytest.param("B", ["a"], id="equal and worse go too, without case"),
        pytest.param("d", ["a", "b", "c"], id="the worst"),
    ],
)
def test_we_are_dropped_with_all_of_equal_or_worse_preference(ours, left):
    listed = hosts(("a", 10), ("b", 20), ("c", 20), ("d", 30))[: 3 if ours == "other.example" else 4]

    assert [host.name for host in drop_ourselves(listed, Ourselves(frozenset({ours.lower()})), 25)] == left


@pytest.mark.parametrize(
    ("address", "endpoint", "ourselves"),
    [
        pytest.param("192.0.2.1", ("192.0.2.1", 25), True, id="our address and port"),
        pytest.param("192.0.2.1", ("192.0.2.1", 2525), False, id="another port is another server"),
        pytest.param("127.0.0.1", ("0.0.0.0", 25), True, id="loopback, and we listen everywhere"),
        pytest.param("::1", ("::", 25), True, id="IPv6 loopback likewise"),
        pytest.param("0.0.0.0", ("", 25), True, id="the unspecified address is this host"),
        pytest.param("192.0.2.1", ("0.0.0.0", 25), False, id="a stranger"),
    ],
)
def test_we_know_ourselves_by_what_we_listen_on(address, endpoint, ourselves):
    host = MxHost("mx.example", 10, (address,))

    assert Ourselves(endpoints=frozenset({endpoint})).includes(host, 25) is ourselves
