"""What the daemon's children need is imported before they are forked: they share its memory."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from posthouse.cli.supervision.preload import may_ask_dns
from posthouse.wiring.site_file import load_site
from support.e2e_site import SITE, relay_to

# A worker and a deliver process in one take a message in, deliver it, fail to relay it, and say what they import.
LIFE = """
import asyncio, json, smtplib, socket, sys
from datetime import timedelta
from pathlib import Path
from posthouse.cli.supervision import processes
from posthouse.cli.supervision.preload import preload_daemon
from posthouse.smtpd.board import Board
from posthouse.wiring import accepting, delivering, machine, site_file, spool

site = site_file.load_site(Path(sys.argv[1]))
preload_daemon(site)
site.run.mkdir(parents=True, exist_ok=True)
spool.reserve_spool(site)
before = set(sys.modules)

def send(address):
    with smtplib.SMTP(*address) as client:
        client.sendmail("joe@mx.test", sys.argv[2:], "Subject: x" + chr(13) + chr(10))

def is_written(*events):
    text = site.log.path.read_text() if site.log.path.exists() else ""
    return all(event in text for event in events)

async def live():
    clock = machine.system_clock()
    log = machine.daemon_event_log(site, clock, "test")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listening = [(site.listeners[0], listener)]
        async with (
            accepting.open_smtpd(site, listening, Board(1).seat(0), log=log, clock=clock, picks_up=True) as worker,
            delivering.open_deliverer(site, delivering.Owner("test"), log=log, clock=clock) as deliverer,
        ):
            await worker.start()
            tasks = [asyncio.create_task(worker.serve()), asyncio.create_task(deliverer.run())]
            await asyncio.to_thread(send, listener.getsockname())
            async with asyncio.timeout(300):
                while not is_written("delivered", "deferred"):
                    await asyncio.sleep(0.02)
            await worker.stop(timedelta(seconds=1))
            await deliverer.drain(timedelta(seconds=1))
            await asyncio.gather(*tasks)

asyncio.run(live())
print(json.dumps(sorted(set(sys.modules) - before)))
"""


TAILOR = """\
MLNAME "mx"
MLDOMAIN "test"
MSUPPORT "ann@mx.test"
MTBLDIR "tables"
MQUEDIR "queue"
MLOGDIR "."
MMSGLOG "log", level=FST
MDLVRDIR "mail"
MMBXNAME ""
LISTEN "127.0.0.1:0"
RELAYFROM "127.0.0.1/32"
MTBL root, file=root
MDMN "", table=root
MTBL mailids, file=mailids
MMAILID 1
MTBL ch-local, file=ch-local
MTBL ch-smtp, file=ch-smtp
MCHN local, tbl=ch-local, pgm=local, ap=822
MCHN smtp, tbl=ch-smtp, pgm=smtp, ap=733, host="[127.0.0.1]:{port}"
"""
TABLES = {
    "root": "mx.test: mx.test\nfar.example: far.example\n",
    "mailids": "ann: ann\njoe: joe\n",
    "ch-local": "mx.test: mx\n",
    "ch-smtp": "far.example: 127.0.0.1\n",
}
CF = """\
V10/Berkeley
Djmx.test
Cwmx.test
O QueueDirectory={home}/queue
O QueueLA=1000
O RefuseLA=1000
O DaemonPortOptions=Port=0, Addr=127.0.0.1
O DontProbeInterfaces=True
Kplain text {home}/plain
HReceived: by $j; $b
Scanonify=3
R$* < $* > $*\t$2
R$+ @ $+\t$: $1 < @ $2 >
Sparse=0
R$+ < @ $=w >\t$#local $: $( plain $1 $)
R$+ < @ $+ >\t$#relay $@ [127.0.0.1] $: $1 @ $2
Scheck_rcpt
R$*\t$@ ok
Sfinal=4
R$* < @ $* >\t$1 @ $2
Mlocal, P=/bin/true, F=lsn, A=true $u
Mrelay, P=[IPC], F=m, A=TCP $h {port}
Mprog, P=/bin/sh, F=l, A=sh -c $u
"""


@pytest.fixture
def silent_port():
    """Nobody listens there, and nobody else is given it."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        yield silent.getsockname()[1]


def imported_later(site_file: Path, *recipients: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", LIFE, str(site_file), *recipients],
        capture_output=True,
        check=False,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr
    return [name for name in json.loads(done.stdout) if not name.startswith("encodings.")]


def test_children_of_a_native_site_import_nothing(tmp_path, silent_port):
    site = tmp_path / "site.toml"
    site.write_text(SITE + relay_to("far.example", silent_port))
    assert not imported_later(site, "ann@mx.test", "joe@far.example")


def test_children_of_a_site_with_a_tailor_file_import_nothing(tmp_path, silent_port):
    for folder in ("tables", "mail", "queue"):
        (tmp_path / folder).mkdir()
    for name, text in TABLES.items():
        (tmp_path / "tables" / name).write_text(text)
    tailor = tmp_path / "mmdftailor"
    tailor.write_text(TAILOR.format(port=silent_port))
    assert not imported_later(tailor, "ann@mx.test", "joe@far.example")


def test_children_of_a_site_with_a_sendmail_cf_import_nothing(tmp_path, silent_port):
    (tmp_path / "queue" / "posthouse").mkdir(parents=True)
    (tmp_path / "plain").write_text("ann ann\n")
    cf = tmp_path / "sendmail.cf"
    cf.write_text(CF.format(home=tmp_path, port=silent_port))
    assert not imported_later(cf, "root@mx.test", "joe@far.example")


@pytest.mark.parametrize(
    ("routes", "asked"),
    [
        ("", True),
        ('[[route]]\nhost = "*"\nchannel = "smtp"', True),
        ('[[route]]\nhost = "*"\nchannel = "smtp"\nrelay = "smart.example"', True),
        ('[[route]]\nhost = "far.example"\nchannel = "smtp"\nrelay = "[192.0.2.1]"', True),
        ('[[route]]\nhost = "*"\nchannel = "smtp"\nrelay = "[192.0.2.1]:2525"', False),
        ('[[route]]\nhost = "*"\nchannel = "local"', False),
    ],
)
def test_only_a_site_whose_routes_all_lead_to_addresses_does_without_dns(tmp_path, routes, asked):
    site = tmp_path / "site.toml"
    site.write_text(f"{SITE}\n{routes}\n")
    assert may_ask_dns(load_site(site)) is asked
