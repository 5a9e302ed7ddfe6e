"""What the supervisor stands on: sockets, the lock, the reins of a child."""

import os
import signal
import socket
import stat

import pytest

from posthouse.cli.errors import CommandError
from posthouse.cli.supervision.children import READY, fork_child
from posthouse.cli.supervision.ground import SpoolLock, write_pid_file
from posthouse.cli.supervision.sockets import ListenerSockets, bind, metrics_name, sockets_of
from posthouse.mail.limits import Limits
from posthouse.mail.lookup import BUILTIN, Origin
from posthouse.site.model import Listener
from posthouse.smtpd.admission import Admission, Peer, Relaying
from posthouse.smtpd.board import Board
from support.reception import small_site
from support.waiting import until


def test_binding_is_all_or_nothing():
    sockets = ListenerSockets()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(CommandError) as refusal:
            sockets.bind_missing({"127.0.0.1:0": Origin("site.toml", 4, 1), address: Origin("site.toml", 7, 1)})

    said = f"site.toml:7:1: cannot listen on {address}: Address already in use; stop the program that listens there, "
    assert str(refusal.value) == said + "or write another port"
    assert refusal.value.code == os.EX_OSERR

    assert sockets.not_among([]) == []


def test_a_socket_that_stays_is_not_bound_anew():
    sockets = ListenerSockets()
    sockets.bind_missing(dict.fromkeys(["127.0.0.1:0", "127.0.0.2:0"], BUILTIN))
    kept = sockets["127.0.0.1:0"]

    assert sockets.bind_missing(dict.fromkeys(["127.0.0.1:0", "127.0.0.3:0"], BUILTIN)) == ["127.0.0.3:0"]
    sockets.close_others(["127.0.0.1:0", "127.0.0.3:0"])

    assert sockets["127.0.0.1:0"] is kept
    assert len(sockets.not_among([kept])) == 1
    sockets.close_others([])


def test_the_metrics_may_share_their_declaration_with_a_listener(tmp_path):
    site = small_site(tmp_path, metrics="127.0.0.1:0")
    listener = Listener("127.0.0.1:0", origin=Origin("site.toml", 4, 1))

    wanted = sockets_of(site, [listener])

    file = Origin(str(site.file))
    assert wanted == {"127.0.0.1:0": listener.origin, metrics_name("127.0.0.1:0"): file}


@pytest.mark.parametrize(
    ("address", "advice"),
    [
        pytest.param("192.0.2.1:0", "write an address that this machine has", id="somebody else's address"),
        pytest.param("unix:/nowhere/at/all", "write host:port", id="no such directory"),
    ],
)
def test_an_address_that_cannot_be_had_is_told_with_what_would_be_right(address, advice):
    with pytest.raises(CommandError, match=advice) as refusal:
        bind(address, Origin("site.toml", 7, 1))

    assert str(refusal.value).startswith(f"site.toml:7:1: cannot listen on {address}: ")


def test_a_stale_unix_socket_is_replaced_and_open_to_everybody(tmp_path):
    path = tmp_path / "submit.sock"
    bind(f"unix:{path}", BUILTIN).close()

    with bind(f"unix:{path}", BUILTIN):
        assert path.stat().st_mode & 0o777 == 0o666
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))


def test_a_file_in_the_way_of_a_unix_socket_is_kept(tmp_path):
    path = tmp_path / "precious"
    path.write_text("a file")

    with pytest.raises(CommandError, match="precious"):
        bind(f"unix:{path}", BUILTIN)

    assert path.read_text() == "a file"


def test_a_spool_has_one_daemon(tmp_path):
    lock = SpoolLock(tmp_path)

    with pytest.raises(CommandError, match=str(os.getpid())) as refusal:
        SpoolLock(tmp_path)

    assert refusal.value.code == os.EX_TEMPFAIL
    lock.release()
    SpoolLock(tmp_path).release()


def test_everybody_may_read_who_the_daemon_is_whatever_the_umask_of_who_started_it(tmp_path):
    before = os.umask(0o077)
    try:
        write_pid_file(tmp_path)
    finally:
        os.umask(before)

    (path,) = tmp_path.iterdir()
    assert path.read_text() == f"{os.getpid()}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def wait_for_death(child):
    status = until(
        lambda: next((s for pid, s in [os.waitpid(child.pid, os.WNOHANG)] if pid), None) or None, "its death"
    )
    child.reins.close()
    return os.waitstatus_to_exitcode(status)


def test_a_child_says_when_it_is_ready_and_hears_orders():
    def job(reins):
        reins.setblocking(True)
        reins.send(READY)
        return reins.recv(1)[0]

    child = fork_child("smtpd-1", job, [])
    until(lambda: child.hear() and child.ready, "it to be ready")
    child.order(b"*")

    assert wait_for_death(child) == ord("*")


def test_a_child_sees_that_its_supervisor_is_gone():
    def job(reins):
        reins.setblocking(True)
        return 7 if reins.recv(1) == b"" else 1

    child = fork_child("smtpd-1", job, [])
    child.reins.close()

    assert wait_for_death(child) == 7


def test_a_child_with_a_bug_ends_with_70(capfd):
    def job(_reins):
        raise RuntimeError("a bug")

    child = fork_child("deliver", job, [])

    assert wait_for_death(child) == os.EX_SOFTWARE
    assert "a bug" in capfd.readouterr().err


def test_a_child_leaves_ctrl_c_to_its_supervisor():
    def job(reins):
        reins.setblocking(True)
        reins.send(READY)
        return reins.recv(1)[0]

    child = fork_child("smtpd-1", job, [])
    until(lambda: child.hear() and child.ready, "it to be ready")
    os.kill(child.pid, signal.SIGINT)
    child.order(b"*")

    assert wait_for_death(child) == ord("*")


@pytest.mark.parametrize(
    ("address", "networks", "allowed"),
    [
        pytest.param("192.0.2.7", ["192.0.2.0/24"], True, id="in the network"),
        pytest.param("192.0.3.7", ["192.0.2.0/24"], False, id="beside it"),
        pytest.param("2001:db8::1", ["192.0.2.0/24", "2001:db8::/32"], True, id="the other family"),
        pytest.param("fe80::1%eth0", ["fe80::/10"], True, id="with a zone"),
        pytest.param("", ["0.0.0.0/0", "::/0"], False, id="gone before we could ask"),
    ],
)
def test_relaying_is_decided_by_the_client_s_network(address, networks, allowed):
    from ipaddress import ip_network

    assert Relaying(tuple(ip_network(network) for network in networks)).allows(Peer(address=address)) is allowed


def test_connections_are_counted_at_below_and_above_the_bound():
    limits = Limits(connections=3, connections_per_client=2)
    board = Board(2)
    one, other = (Admission(limits, board.seat(number)) for number in range(2))

    assert one.enter("a") is None
    assert other.enter("a") is None
    assert str(one.enter("a")).startswith("421 4.7.0")  # wherever the first two came in
    assert one.enter("b") is None
    assert str(other.enter("c")).startswith("421 4.3.2")
    other.leave("a")
    assert one.enter("a") is None


def test_a_worker_lets_in_no_more_than_it_has_files_for():
    board = Board(2)
    one, other = (Admission(Limits(), board.seat(number), files=204) for number in range(2))
    refused = [number for number in range(110) if one.enter(f"c{number}") is not None]

    assert refused == list(range(102, 110))  # half of its files; with many, all but those it needs itself
    assert other.enter("a") is None
    one.leave("c0")
    assert one.enter("c0") is None


def test_the_connections_of_a_worker_that_died_do_not_count():
    limits = Limits(connections=1)
    board = Board(2)
    died = Admission(limits, board.seat(0))
    survivor = Admission(limits, board.seat(1))
    assert died.enter("a") is None
    assert survivor.enter("b") is not None

    Admission(limits, board.seat(0))

    assert survivor.enter("b") is None
