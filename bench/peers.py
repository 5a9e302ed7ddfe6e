"""The servers under measurement, each set up alike: private directories, a high port, DNS off, sync on.

A peer is started in one of three modes: ``hold`` (accept and queue, deliver
nothing), ``relay`` (everything to the sink), ``local`` (user@local.test into a Maildir).
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from measure import Group

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
concurrency = 100
[[route]]
host = "*"
channel = "relay"
[log]
file = "log"
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_greeting(port: int, seconds: float = 30) -> float:
    """Return how long it took until a server greets on this port."""
    start = time.monotonic()
    while time.monotonic() - start < seconds:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                if connection.recv(512).startswith(b"220"):
                    connection.sendall(b"QUIT\r\n")
                    connection.recv(512)
                    return time.monotonic() - start
        except OSError:
            time.sleep(0.01)
    raise SystemExit(f"nothing greets on port {port}")


class Peer:
    """One server; ``home`` is its private directory."""

    name = ""

    def __init__(self, base: Path, group: Group) -> None:
        self.home = base / self.name
        self.group = group
        self.port = free_port()

    def start(self, mode: str, sink: int) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
        self.home.mkdir(parents=True)
        self._start(mode, sink)
        wait_for_greeting(self.port)

    def run(self, *argv: str) -> subprocess.Popen[bytes]:
        with (self.home / "output").open("ab") as output:
            return subprocess.Popen(self.group.inside(*argv), stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def stop(self) -> None:
        self._stop()
        deadline = time.monotonic() + 15
        while self.group.pids() and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid in self.group.pids():
            os.kill(pid, signal.SIGKILL)

    def delivered(self) -> int:
        """Messages in the Maildir."""
        new = self.home / "box" / "user" / "new"
        return len(list(new.iterdir())) if new.is_dir() else 0

    def _start(self, mode: str, sink: int) -> None:
        raise NotImplementedError

    def _stop(self) -> None:
        raise NotImplementedError


class Postfix(Peer):
    """Debian's Postfix."""

    name = "postfix"

    def _start(self, mode: str, sink: int) -> None:
        etc = self.home / "etc"
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
        (etc / "main.cf").write_text(settings)
        (etc / "master.cf").write_text(POSTFIX_SERVICES.format(port=self.port))
        subprocess.run(self.group.inside("postfix", "-c", str(etc), "start"), check=True, capture_output=True)

    def _share_files(self) -> None:
        """The package leaves these out of /etc/postfix when it was installed without a configuration."""
        for name in ("postfix-files", "dynamicmaps.cf", "postfix-script", "post-install"):
            source, target = Path("/usr/share/postfix", name), Path("/etc/postfix", name)
            if source.exists() and not target.exists():
                shutil.copy(source, target)

    def _stop(self) -> None:
        pid_file = self.home / "spool" / "pid" / "master.pid"
        if pid_file.exists():
            os.kill(int(pid_file.read_text()), signal.SIGTERM)


class Posthouse(Peer):
    """This checkout."""

    name = "posthouse"

    def _start(self, mode: str, sink: int) -> None:
        site = POSTHOUSE_SITE.format(port=self.port, sink=sink)
        if mode == "hold":
            # Accepted and queued durably; the only route leads to a host that refuses connections.
            site = site.replace(f"[127.0.0.1]:{sink}", "[127.0.0.1]:1")
        (self.home / "site.toml").write_text(site)
        command = Path(sys.executable).parent / "posthouse"
        self._daemon = self.run(str(command), "serve", "--site", str(self.home / "site.toml"))

    def _stop(self) -> None:
        self._daemon.terminate()
        self._daemon.wait(timeout=60)


PEERS = {peer.name: peer for peer in (Postfix, Posthouse)}
