"""What a sendmail.cf takes from this machine: its names, its accounts, and what programs of F lines write.

Names come from the hosts file that the configuration itself names (HostsFile), or the system's; no name server is
asked, so that a start never waits for one.
"""

import fcntl
import grp
import os
import pwd
import re
import signal
import socket
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path
from threading import Timer
from typing import Final

from posthouse.adapters.cf_class_maps import ask_class_map
from posthouse.site.cf.classes import MAX_PROGRAM_OCTETS
from posthouse.site.cf.lines import MAX_OCTETS
from posthouse.site.cf.machine import Machine, Surroundings, machine_of, parse_hosts, read_plain_file

PROGRAM_SECONDS: Final = 60.0
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_HOSTS_FILE: Final = re.compile(rb"^O[ ]+HostsFile[ ]*=[ ]*([^\s#]+)", re.MULTILINE | re.IGNORECASE)
SYSTEM_HOSTS: Final = "/etc/hosts"
_MOST_HOSTS: Final = 16 * 1024 * 1024
_ADDRESS_OF_INTERFACE: Final = 0x8915  # SIOCGIFADDR, netdevice(7)


def surroundings_of(path: Path | None = None, host_name: str = "", hosts_file: Path | None = None) -> Surroundings:
    """Return this machine's, for one configuration file; ``host_name`` and ``hosts_file`` instead of its own.

    Without a configuration file the names come from the system's hosts file.
    """
    hosts = str(hosts_file or (hosts_file_of(path) if path else SYSTEM_HOSTS))
    machine = machine_of(host_name or socket.gethostname(), parse_hosts(_hosts_text(hosts)))
    addresses = [address for address in interface_addresses() if not host_name]
    machine = Machine(
        machine.host_name,
        machine.full_name,
        machine.other_names,
        machine.addresses,
        tuple(f"[{address}]" for address in addresses if not ip_address(address).is_loopback),
        tuple(f"[{address}]" for address in addresses if ip_address(address).is_loopback),
    )
    return Surroundings(machine, run=run_program, look_up=ask_class_map, account=_account, group=_group)


def hosts_file_of(path: Path) -> str:
    """Return the hosts file that a configuration names, before anything else of it is read."""
    try:
        found = _HOSTS_FILE.search(read_plain_file(str(path), MAX_OCTETS))
    except (OSError, ValueError):
        found = None
    return os.fsdecode(found[1]) if found else SYSTEM_HOSTS


def _hosts_text(path: str) -> str:
    try:
        return read_plain_file(path, _MOST_HOSTS).decode("iso8859-1")
    except (OSError, ValueError):
        return ""


def interface_addresses() -> Iterator[str]:
    """Yield the addresses of the network interfaces that are up; nothing where the system does not tell."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _, name in socket.if_nameindex():
            with suppress(OSError):
                request = struct.pack("256s", name.encode()[:15])
                answer = fcntl.ioctl(asking.fileno(), _ADDRESS_OF_INTERFACE, request)
                yield socket.inet_ntoa(answer[20:24])
    with suppress(OSError, ValueError):
        for line in read_plain_file("/proc/net/if_inet6", 64 * 1024).decode("ascii").splitlines():
            address = IPv6Address(bytes.fromhex(line.split()[0]))
            if not address.is_link_local:
                yield str(address)


def run_program(argv: Sequence[str], seconds: float = PROGRAM_SECONDS) -> bytes:
    """Return what a program writes.  Raises OSError when it cannot be run, takes too long or writes too much."""
    words = [word.encode("iso8859-1") for word in argv]
    with subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={"PATH": _PATH},
        start_new_session=True,
    ) as program:
        limit = Timer(seconds, _stop, (program.pid,))
        limit.start()
        try:
            written = program.stdout.read(MAX_PROGRAM_OCTETS + 1) if program.stdout else b""
            if len(written) > MAX_PROGRAM_OCTETS:
                _stop(program.pid)
                raise OSError(0, f"it writes more than {MAX_PROGRAM_OCTETS} octets")
            if program.wait() == -signal.SIGKILL:
                raise OSError(0, f"it was stopped after {seconds:g} seconds")
        finally:
            limit.cancel()
    return written


def _stop(session: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(session, signal.SIGKILL)


def _account(name: str) -> tuple[int, int] | None:
    try:
        entry = pwd.getpwnam(name)
    except (KeyError, ValueError, UnicodeError):
        return None
    return entry.pw_uid, entry.pw_gid


def _group(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except (KeyError, ValueError, UnicodeError):
        return None
