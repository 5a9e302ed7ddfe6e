"""A daemon of a sendmail.cf and who connects to it: names, check_relay before the greeting, macros, its Received."""

import re
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.daemon import Daemon
from support.waiting import LONG, until

CF = """V10/Berkeley
Djmx.home.example
DnMAILER-DAEMON
Cwhome.example
O QueueDirectory={home}/queue
O ServiceSwitchFile={home}/switch
O HostsFile={home}/hosts
O OperatorChars=.:%@!^/[]+
O QueueLA=1000
O RefuseLA=1000
O SmtpGreetingMessage=$j greets ${{client_name}}$?{{if_name}} at ${{if_name}}$.
O DaemonPortOptions=Name=Front, Addr=127.0.0.1, Port=0, M=Ea
O DaemonPortOptions=Addr=127.0.0.2, Port=0
Kgone hash {home}/no-such-map
HReceived: $?sfrom $s $.$?_($?s$|from $.$_)
	$.by $j$?r with $r$. id $i$?{{auth_type}} by ${{auth_type}}$.$?u
	for $u; $|; $.$b
	(name=${{client_name}} addr=${{client_addr}} ptr=${{client_ptr}} resolve=${{client_resolve}}
	port=${{client_port}} daemon=${{daemon_name}} at ${{daemon_addr}} ${{daemon_family}} ${{daemon_port}}
	flags=${{daemon_flags}}. if=${{if_name}} ${{if_addr}}. tls=${{tls_version}}. cert=${{cert_subject}}.)
HX-Always: yes
HX-Client: $s with $r from $_ (${{client_name}} ${{client_addr}} ${{client_resolve}}) by ${{daemon_name}}
Scheck_relay
R$* $| 127.0.0.66	$#error $@ 5.7.1 $: "550 go away, " $&{{client_name}}
R$* $| 127.0.0.67	$#error $@ 4.7.0 $: "421 not now"
R$* $| 127.0.0.68	$: $(gone key $)
R$* $| 127.0.0.69	$#discard $: discard
Scheck_mail
R< drop @ $* >	$#discard $: discard
S3
R$* < $+ > $*	$2
R$+ @ $+	$: $1 < @ $2 >
S0
R$* < @ $=w >	$#local $: $1
R$* < @ $+ >	$#local $: $1
R$+	$#local $: $1
S4
R$* < $+ >	$1 $2
Mlocal, P=/bin/sh, F=lnmS, A=sh {home}/keep {home}/out/$u
Mprog, P=/bin/sh, F=lsn, A=sh -c $u
"""
HOSTS = "127.0.0.1 localhost\n127.0.0.2 second.example\n127.0.0.5 good.example\n127.0.0.66 bad.example\n"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("clients")
    home = folder / "queue" / "posthouse"
    home.mkdir(parents=True)
    write_site(folder)
    running = Daemon(home, folder / "site.cf")
    try:
        yield running.start()
    finally:
        running.kill()


def write_site(folder: Path) -> None:
    """Write a sendmail.cf and all that it names."""
    (folder / "out").mkdir()
    (folder / "keep").write_text('cat >> "$1"\n')
    (folder / "switch").write_text("hosts files\n")
    (folder / "hosts").write_text(HOSTS)
    (folder / "site.cf").write_text(CF.format(home=folder))


class Caller:
    """A client with an address of its own; it keeps the port that it came from."""

    def __init__(self, daemon: Daemon, source: str, listener: int = 0) -> None:
        host, _, port = daemon.addresses[listener].rpartition(":")
        self._socket = socket.create_connection((host, int(port)), LONG, source_address=(source, 0))
        self._lines = self._socket.makefile("rb")
        self.port = self._socket.getsockname()[1]

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def send(self, octets: bytes) -> None:
        self._socket.sendall(octets)

    def reply(self) -> str:
        """Read one reply, all of its lines; "" when the daemon has closed."""
        lines = ""
        while (line := self._lines.readline().decode().replace("\r\n", "\n"))[3:4] == "-":
            lines += line
        return lines + line

    def ask(self, command: str) -> str:
        self.send(f"{command}\r\n".encode())
        return self.reply()

    def deliver(self, recipient: str) -> str:
        for command in ("EHLO client.example", "MAIL FROM:<ann@far.example>", f"RCPT TO:<{recipient}>", "DATA"):
            answer = self.ask(command)
            assert answer[:1] in "23", answer
        return self.ask("Subject: x\r\n\r\nbody\r\n.")


def header_of(daemon: Daemon, user: str) -> str:
    """Wait for a message in the file of a user; return its header, unfolded."""
    path = daemon.site_file.parent / "out" / user
    text = until(lambda: path.read_text() if path.exists() and path.read_text().endswith("body\n") else None, user)
    return re.sub(r"\n[ \t]+", " ", text.partition("\n\n")[0])


def test_the_field_of_the_cf_is_the_only_received_field_and_knows_the_client(daemon: Daemon) -> None:
    with closing(Caller(daemon, "127.0.0.5")) as client:
        assert client.reply().startswith("220 mx.home.example ESMTP greets good.example at localhost")
        assert client.deliver("one@home.example").startswith("250 2.0.0 ")
        port = client.port

    assert header_of(daemon, "one").startswith("Received: ")  # where the H lines have it: before those below
    (received,) = re.findall(r"(?m)^Received:.*", header := header_of(daemon, "one"))
    assert received.startswith(
        "Received: from client.example (good.example [127.0.0.5]) by mx.home.example with ESMTP id "
    )
    assert " for <one@home.example>; " in received
    assert "(name=good.example addr=127.0.0.5 ptr=good.example resolve=OK" in received
    assert f"port={port} daemon=Front at 127.0.0.1 inet {daemon.port} flags=EE a." in received
    assert received.endswith("if=localhost . tls=. cert=.)")
    assert "\nX-Always: yes" in header


def test_other_fields_of_the_cf_know_the_client_too_when_the_message_goes_out(daemon: Daemon) -> None:
    with closing(Caller(daemon, "127.0.0.5")) as client:
        client.reply()
        client.deliver("six@home.example")
        client.deliver("seven@home.example")

    for user in ("six", "seven"):
        assert (
            "\nX-Client: client.example with ESMTP from good.example [127.0.0.5] (good.example 127.0.0.5 OK) by Front\n"
        ) in header_of(daemon, user) + "\n"


def test_a_report_tells_from_whom_the_message_came(daemon: Daemon) -> None:
    sender = daemon.site_file.parent / "out" / "reported"
    with closing(Caller(daemon, "127.0.0.5")) as client:
        client.reply()
        for command in ("EHLO client.example", "MAIL FROM:<reported@far.example>", "RCPT TO:<no/way@home.example>"):
            assert client.ask(command)[:1] == "2"
        client.ask("DATA")
        assert client.ask("Subject: x\r\n\r\nbody\r\n.")[:3] == "250"

    told = until(lambda: sender.exists() and re.search(r"(?m)^from (.*)$", sender.read_text()), "the report")
    assert told[1] == "good.example [127.0.0.5]"


def test_a_client_without_a_name_is_known_by_its_address(daemon: Daemon) -> None:
    with closing(Caller(daemon, "127.0.0.9", listener=1)) as client:
        assert client.reply().startswith("220 mx.home.example ESMTP greets [127.0.0.9] at second.example")
        hello = client.ask("EHLO client.example").splitlines()[0]
        assert hello == "250-mx.home.example Hello [127.0.0.9], pleased to meet you"
        client.deliver("two@home.example")

    received = header_of(daemon, "two")
    assert "Received: from client.example ([127.0.0.9]) by mx.home.example" in received
    assert "(name=[127.0.0.9] addr=127.0.0.9 ptr=[127.0.0.9] resolve=FAIL" in received
    assert f"daemon=Daemon1 at 127.0.0.2 inet {daemon.ports[1]} flags=." in received


def test_a_client_is_called_by_name_and_address(daemon: Daemon) -> None:
    with closing(Caller(daemon, "127.0.0.5")) as client:
        client.reply()

        assert client.ask("HELO x") == "250 mx.home.example Hello good.example [127.0.0.5], pleased to meet you\n"


def test_whom_check_relay_refuses_is_greeted_and_refused_whatever_it_asks(daemon: Daemon) -> None:
    with closing(Caller(daemon, "127.0.0.66")) as client:
        assert client.reply().startswith("220 mx.home.example ESMTP greets bad.example")
        hello = client.ask("EHLO client.example")
        assert hello == (
            "250-mx.home.example Hello bad.example [127.0.0.66], pleased to meet you\n250 ENHANCEDSTATUSCODES\n"
        )
        for command in ("MAIL FROM:<ann@far.example>", "RCPT TO:<one@home.example>", "DATA", "VRFY one", "ETRN x"):
            assert client.ask(command) == "550 5.7.1 go away, bad.example\n"
        assert client.ask("NOOP")[:3] == client.ask("RSET")[:3] == "250"
        assert client.ask("QUIT")[:3] == "221"


def test_421_of_check_relay_ends_the_session_at_once(daemon: Daemon) -> None:
    with closing(Caller(daemon, "127.0.0.67")) as client:
        assert client.reply() == "421 4.7.0 not now\n"
        assert client.reply() == ""


def test_a_map_that_cannot_answer_for_check_relay_makes_the_client_try_again(daemon: Daemon) -> None:
    with closing(Caller(daemon, "127.0.0.68")) as client:
        assert client.reply()[:3] == "220"
        client.ask("HELO x")

        assert client.ask("MAIL FROM:<ann@far.example>").startswith("451 4.3.0 ")


@pytest.mark.parametrize(("source", "sender"), [("127.0.0.69", "ann@far.example"), ("127.0.0.5", "drop@far.example")])
def test_what_check_relay_discards_is_promised_and_dropped(daemon: Daemon, source: str, sender: str) -> None:
    with closing(Caller(daemon, source)) as client:
        client.reply()
        client.ask("EHLO client.example")
        for number in range(2):
            assert client.ask(f"MAIL FROM:<{sender}>")[:3] == "250"
            assert client.ask(f"RCPT TO:<gone{number}@home.example>")[:3] == "250"
            assert client.ask("DATA")[:3] == "354"
            assert client.ask("Subject: x\r\n\r\nbody\r\n.")[:3] == "250"

    until(lambda: len(daemon.events("discarded", client=source)) == 2, "both to be dropped")
    assert not [one for one in daemon.events("accepted", client=source) if one["sender"] == sender]


def test_what_a_client_says_before_it_is_greeted_is_answered_after_that(daemon: Daemon) -> None:
    with closing(Caller(daemon, "127.0.0.5")) as client:
        client.send(b"HELO early\r\nNOOP\r\n")

        assert [client.reply()[:3] for _ in range(3)] == ["220", "250", "250"]


def test_a_name_of_a_client_cannot_write_fields_of_its_own(daemon: Daemon) -> None:
    with closing(Caller(daemon, "127.0.0.5")) as client:
        client.reply()
        client.ask("HELO x\tX-Forged:yes")
        client.ask("HELO x\x0bX-Forged:yes")
        client.deliver("three@home.example")

    assert "X-Forged" not in header_of(daemon, "three")


def test_a_list_of_recipients_is_not_betrayed_by_the_field(daemon: Daemon) -> None:
    with closing(Caller(daemon, "127.0.0.5")) as client:
        client.reply()
        for command in ("HELO x", "MAIL FROM:<ann@far.example>", "RCPT TO:<four@home.example>"):
            client.ask(command)
        client.ask("RCPT TO:<five@home.example>")
        client.ask("DATA")
        client.ask("Subject: x\r\n\r\nbody\r\n.")

    assert "five" not in header_of(daemon, "four")


def test_the_daemon_stops_with_its_maps_closed(tmp_path: Path) -> None:
    """It ends by itself, with nothing to complain of."""
    home = tmp_path / "queue" / "posthouse"
    home.mkdir(parents=True)
    write_site(tmp_path)
    running = Daemon(home, tmp_path / "site.cf").start()
    try:
        with closing(Caller(running, "127.0.0.5")) as client:
            client.reply()
            client.ask("HELO x")
        assert running.stop() == 0
    finally:
        running.kill()
    assert running.stderr() == ""
