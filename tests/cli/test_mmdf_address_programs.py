"""checkaddr, malias, nictable and process-uucp, as people run them."""

import subprocess
import sys

import pytest

from support.mmdf import DATA

DELTA = DATA / "sites" / "delta" / "mmdftailor"
USERS = DATA / "sites" / "users.txt"
HOSTS = """\
; a comment
NET : 10.0.0.0 : ARPANET :
HOST : 26.0.0.73, 10.0.0.51 : SRI-NIC.ARPA,NIC.ARPA : DEC-2060 : TOPS20 : TCP/TELNET,TCP/SMTP,UDP/TIME :
HOST : 128.4.0.1 : dcn1.arpa : PDP-11 : DCNET : UDP/TIME :
HOST : 192.5.18.1 : louie.udel.edu : VAX : UNIX : TCP/SMTP : ; the relay
nonsense
"""


def mmdf(*arguments, stdin="", cwd=None):
    command = [sys.executable, "-m", "posthouse", "mmdf", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, cwd=cwd, timeout=300, check=False)


def test_checkaddr_answers_for_each_address_and_tells_by_its_code_that_one_is_bad():
    done = mmdf("checkaddr", "-t", DELTA, "--users", USERS, "jose", "jose=tag", "(nobody")

    assert done.returncode == 1
    assert done.stdout.splitlines() == ["jose: OK", "jose=tag: OK", "(nobody: Unable to parse address"]


def test_checkaddr_reads_standard_input_and_watches():
    done = mmdf("checkaddr", "-wt", DELTA, f"--users={USERS}", stdin="joe\n\njose\n")

    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "joe: joe:  alias: joe => jose",
        "jose:  queueing for local: via '': 'jose'",
        "OK",
        "jose: jose:  queueing for local: via '': 'jose'",
        "OK",
    ]


def test_checkaddr_cannot_say_while_a_table_is_missing(tmp_path):
    tailor = 'MLNAME "grove"\nMLDOMAIN "wood.example"\nMTBLDIR "gone"\nALIAS table=a\nMCHN local\n'
    (tmp_path / "mmdftailor").write_text(tailor)

    done = mmdf("checkaddr", "-t", tmp_path / "mmdftailor", "joe")

    assert (done.returncode, done.stdout) == (75, 'joe: (FOPN) Table unavailable for "joe"\n')


def test_malias_describes_names():
    done = mmdf("malias", "-t", DELTA, "--users", USERS, "joe", "nosuch")

    assert done.returncode == 1
    assert done.stdout.splitlines() == ["joe (bypassable) has alias jose", "no aliases for 'nosuch'"]


@pytest.mark.parametrize(
    ("options", "lines"),
    [
        (["-C"], ["SRI-NIC.ARPA:\t26.0.0.73", "SRI-NIC.ARPA:\t10.0.0.51", "dcn1.arpa:\t128.4.0.1",
                  "louie.udel.edu:\t192.5.18.1"]),
        (["-C", "-d", "edu"], ["louie.udel.edu:\t192.5.18.1"]),
        (["-D", "-d", "ARPA", "-s", "smtp"], ["SRI-NIC:\tSRI-NIC.ARPA", "NIC:\tSRI-NIC.ARPA"]),
        (["-D", "-dARPA", "-tudp"], ["SRI-NIC:\tSRI-NIC.ARPA", "NIC:\tSRI-NIC.ARPA", "dcn1:\tdcn1.arpa"]),
        (["-T", "-d", "ARPA"], ["louie.udel.edu:\tlouie.udel.edu"]),
        (["-C", "-t", "udp", "-s", "smtp"], []),
    ],
)  # fmt: skip
def test_nictable_makes_tables_of_the_host_table(options, lines):
    done = mmdf("nictable", *options, stdin=HOSTS)

    assert (done.returncode, done.stdout.splitlines()) == (0, lines)


def test_nictable_wants_one_kind_of_table():
    assert mmdf("nictable", stdin=HOSTS).returncode == 64
    assert mmdf("nictable", "-CD", stdin=HOSTS).returncode == 64
    assert mmdf("nictable", "-D", stdin=HOSTS).returncode == 64


def test_process_uucp_makes_tables_of_what_pathalias_printed(tmp_path):
    (tmp_path / "paths").write_text(
        "ukma\tuunet!ukma!%s\nMS.UKY.EDU\tuunet!ukma!%s\n.river.edu gw!%s\nuucp\t%s\nlost\n"
    )

    options = ("-d", "edu", "-d", "uucp", "-r", "Relay.UKY.edu", "-c", "uunet")
    done = mmdf("process-uucp", *options, "paths", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    made = {path.name: path.read_text().splitlines() for path in tmp_path.glob("wrk*")}
    assert made == {
        "wrkchn.uucp-uunet": ["ukma.uucp:\tuunet!ukma!%s", "ms.uky.edu:\tuunet!ukma!%s"],
        "wrkchn.uucp-uucp": ["river.edu:\tgw!%s", "uucp.uucp:\t%s", "lost.uucp:\tNO-PATH-GIVEN!%s"],
        "wrkdmn.uucp-edu": ["ms.uky:\tms.uky.edu, relay.uky.edu", "river:\triver.edu, relay.uky.edu"],
        "wrkdmn.uucp-uucp": ["ukma:\tukma.uucp, relay.uky.edu", "uucp:\tuucp.uucp, relay.uky.edu",
                             "lost:\tlost.uucp, relay.uky.edu"],
        "wrkdmn.uucp-top": [],
    }  # fmt: skip


def test_process_uucp_says_which_file_it_cannot_read(tmp_path):
    done = mmdf("process-uucp", "nosuch", cwd=tmp_path)

    assert done.returncode == 66
    assert "nosuch" in done.stderr
