"""The servers under measurement, each set up alike: private directories, a high port, DNS off, sync on.

A peer is started in one of three modes: ``hold`` (accept and queue, deliver
nothing), ``relay`` (everything to the sink), ``local`` (user@local.test into a Maildir).  Limits are each
one's own: both open 20 connections to one host and give it 50 recipients at once.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from measure import Group

from support.ports import free_port

POSTFIX_SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
pickup    unix  n - n 60 1 pickup
cleanup   unix  n - n - 0 cleanup
qmgr      unix  n - n 300 1 qmgr
rewrite   unix  - - n - - trivial-rewrite
bounce    unix  - - n - 0 bounce
defer     unix  - - n - 0 bounce
trace     unix  - - n - 0 bounce
verify    unix  - - n - 1 verify
proxymap  unix  - - n - - proxymap
smtp      unix  - - n - - smtp
relay     unix  - - n - - smtp
showq     unix  n - n - - showq
error     unix  - - n - - error
retry     unix  - - n - - error
virtual   unix  - n n - - virtual
anvil     unix  - - n - 1 anvil
scache    unix  - - n - 1 scache
postlog   unix-dgram n - n - 1 postlogd
"""

# in_flow_delay=0 and the process limit are what an administrator sets on a relay.
POSTFIX_SETTINGS = """
compatibility_level = 3.6
queue_directory = {home}/spool
data_directory = {home}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.bench.test
mydestination =
local_recipient_maps =
alias_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
smtp_dns_support_level = disabled
smtp_host_lookup = native
smtpd_tls_security_level = none
smtp_tls_security_level = none
maillog_file = {home}/log
maillog_file_prefixes = {home}
message_size_limit = 52428800
mailbox_size_limit = 0
virtual_mailbox_limit = 0
default_process_limit = 100
relayhost = [127.0.0.1]:{sink}
virtual_mailbox_domains =
virtual_alias_maps =
virtual_mailbox_base = {home}/box
virtual_mailbox_maps = static:user/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
in_flow_delay = 0
biff = no
"""

POSTHOUSE_SITE = """
[site]
name = "posthouse.bench.test"
spool = "spool"
run = "run"
postmaster = "user@local.test"
[[listener]]
address = "127.0.0.1:{port}"
relay-from = ["127.0.0.0/8"]
[domains."local.test"]
kind = "local"
users = ["users"]
[tables.users]
kind = "inline"
entries = {{ user = "here" }}
[channels.local]
kind = "local"
mailbox = "box/{{user}}/"
[channels.relay]
kind = "smtp"
relay = "[127.0.0.1]:{sink}"
[[route]]
host = "*"
channel = "relay"
[log]
file = "log"
"""


STOP_SECONDS = 30


def wait_for_greeting(port: int, is_running: Callable[[], bool], seconds: float = 60) -> None:
    """Return when a server greets on this port.  Raises TimeoutError, at once when the server has ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and is_running():
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                if connection.recv(512).startswith(b"220"):
                    connection.sendall(b"QUIT\r\n")
                    connection.recv(512)
                    return
        except OSError:
            time.sleep(0.01)
    raise TimeoutError(f"nothing greets on port {port}")


class LogCount:
    """How often a word stands in a log that grows; each piece of it is read once."""

    def __init__(self, path: Path, word: bytes) -> None:
        self._path = path
        self._word = word
        self._read = 0
        self._found = 0

    def now(self) -> int:
        if not self._path.exists():
            return 0
        with self._path.open("rb") as log:
            log.seek(self._read)
            whole = log.read().rpartition(b"\n")[0]
        self._read += len(whole)
        self._found += whole.count(self._word)
        return self._found


class Peer:
    """One server; ``home`` is its private directory."""

    name = ""
    delivery = b""  # what the log says of each recipient that was delivered or relayed

    def __init__(self, base: Path, group: Group) -> None:
        self.home = base / self.name
        self.group = group
        self.port = free_port()
        self._recipients = LogCount(self.home / "log", self.delivery)

    def start(self, mode: str, sink: int) -> None:
        """Start on empty directories, and return when it greets."""
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self._prepare(mode, sink)
        self.resume()

    def resume(self) -> float:
        """Start on what is there; return how many seconds pass until it greets."""
        start = time.monotonic()
        self._start()
        wait_for_greeting(self.port, self._is_running)
        return time.monotonic() - start

    def stop(self) -> None:
        """Stop it, whatever state it is in."""
        self._ask_to_stop()
        self.group.end(STOP_SECONDS)

    def relayed(self) -> int:
        """Recipients that were delivered or relayed, by its own log."""
        return self._recipients.now()

    def in_mailbox(self) -> int:
        """Messages in the Maildir."""
        new = self.home / "box" / "user" / "new"
        return sum(1 for _ in new.iterdir()) if new.is_dir() else 0

    def said(self) -> str:
        """The end of what it wrote, for a person who asks why it failed."""
        files = [path for path in (self.home / "output", self.home / "log") if path.exists()]
        return "".join(f"{path.name}:\n{path.read_text(errors='replace')[-1500:]}\n" for path in files)

    def queue_listing(self) -> list[str]:
        """The command that prints the whole queue."""
        raise NotImplementedError

    def flush(self) -> list[str]:
        """The command that retries everything now."""
        raise NotImplementedError

    def _prepare(self, mode: str, sink: int) -> None:
        raise NotImplementedError

    def _start(self) -> None:
        raise NotImplementedError

    def _is_running(self) -> bool:
        return bool(self.group.pids())

    def _ask_to_stop(self) -> None:
        raise NotImplementedError


class Postfix(Peer):
    """Debian's Postfix."""

    name = "postfix"
    delivery = b"status=sent"

    @property
    def _etc(self) -> Path:
        return self.home / "etc"

    def queue_listing(self) -> list[str]:
        return ["/usr/sbin/postqueue", "-c", str(self._etc), "-p"]

    def flush(self) -> list[str]:
        return ["/usr/sbin/postqueue", "-c", str(self._etc), "-f"]

    def _prepare(self, mode: str, sink: int) -> None:
        for directory in ("etc", "spool", "data", "box"):
            (self.home / directory).mkdir()
        for directory in ("data", "box"):
            shutil.chown(self.home / directory, "postfix", "postfix")
        self._share_files()
        uid, gid = (self.home / "box").stat().st_uid, (self.home / "box").stat().st_gid
        settings = POSTFIX_SETTINGS.format(home=self.home, sink=sink, uid=uid, gid=gid)
        if mode == "hold":
            settings += "smtpd_client_restrictions = check_client_access static:HOLD\n"
        if mode == "local":
            settings = settings.replace("virtual_mailbox_domains =", "virtual_mailbox_domains = local.test")
        (self._etc / "main.cf").write_text(settings)
        (self._etc / "master.cf").write_text(POSTFIX_SERVICES.format(port=self.port))

    def _share_files(self) -> None:
        """The package leaves these out of /etc/postfix when it was installed without a configuration."""
        for name in ("postfix-files", "dynamicmaps.cf", "postfix-script", "post-install"):
            source, target = Path("/usr/share/postfix", name), Path("/etc/postfix", name)
            if source.exists() and not target.exists():
                shutil.copy(source, target)

    def _start(self) -> None:
        # The master process stays; its output must not be a pipe that somebody waits for.
        with (self.home / "output").open("ab") as output:
            command = self.group.inside("/usr/sbin/postfix", "-c", str(self._etc), "start")
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def _ask_to_stop(self) -> None:
        pid_file = self.home / "spool" / "pid" / "master.pid"
        pid = int(pid_file.read_text()) if pid_file.exists() else 0
        if pid in self.group.pids():
            os.kill(pid, signal.SIGTERM)


class Posthouse(Peer):
    """This checkout."""

    name = "posthouse"
    delivery = b'"event":"delivered"'
    _daemon: "subprocess.Popen[bytes] | None" = None

    @property
    def _site(self) -> str:
        return str(self.home / "site.toml")

    def queue_listing(self) -> list[str]:
        return [_program("mailq"), "-C", self._site]

    def flush(self) -> list[str]:
        return [_program("posthouse"), "queue", "retry", "--all", "--site", self._site]

    def _prepare(self, mode: str, sink: int) -> None:
        # hold: accepted and queued durably; the only route leads to a host that refuses connections.
        (self.home / "site.toml").write_text(POSTHOUSE_SITE.format(port=self.port, sink=1 if mode == "hold" else sink))

    def _start(self) -> None:
        with (self.home / "output").open("ab") as output:
            self._daemon = subprocess.Popen(
                self.group.inside(_program("posthouse"), "serve", "--site", self._site),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def _is_running(self) -> bool:
        return self._daemon is not None and self._daemon.poll() is None

    def _ask_to_stop(self) -> None:
        if self._daemon is not None:
            self._daemon.terminate()

    def stop(self) -> None:
        super().stop()
        if self._daemon is not None:
            self._daemon.wait()


def _program(name: str) -> str:
    """A command of this checkout, beside its interpreter."""
    return str(Path(sys.executable).parent / name)


PEERS: dict[str, type[Peer]] = {peer.name: peer for peer in (Posthouse, Postfix)}
