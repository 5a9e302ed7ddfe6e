"""``posthouse convert``: an mmdftailor and a sendmail.cf as a site.toml, with the real commands."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.mmdf import DATA
from support.mmdf_site import make_mmdf_site

BIN = Path(sys.executable).parent
SENDMAIL = Path(__file__).parent.parent / "data" / "sendmail"


def posthouse(*arguments, stdin=""):
    command = [sys.executable, "-m", "posthouse", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=300, check=False)


def test_a_converted_site_is_checked_resolved_and_explained_as_the_tailor_file_is(tmp_path):
    tailor = make_mmdf_site(tmp_path)
    converted = posthouse("convert", tailor)
    site = tmp_path / "site.toml"
    site.write_text(converted.stdout)

    assert (converted.returncode, converted.stderr) == (0, "")
    assert posthouse("check", "--site", site).returncode == 0
    for address in ("friends@grove", "x@elm.example", "nobody@nowhere.test"):
        before, after = (posthouse("resolve", "--site", file, address) for file in (tailor, site))
        assert (after.returncode, after.stdout) == (before.returncode, before.stdout)
    assert "(tables/domain.root:1)" in posthouse("explain", "--site", site, "x@elm.example").stdout


def test_what_has_no_effect_is_said_in_comments(tmp_path):
    tailor = tmp_path / "mmdftailor"
    tailor.write_text('MLNAME "grove"\nMLDOMAIN "wood.example"\nMPHSDIR "phase"\nnonsense\n')

    comments = [line for line in posthouse("convert", tailor).stdout.splitlines() if line.startswith("# ")]

    assert any("MPHSDIR" in line for line in comments)
    assert any("nonsense" in line for line in comments)


@pytest.mark.parametrize("name", ["empty", "binary", "huge", "missing"])
def test_a_file_that_is_no_site_is_a_mistake(tmp_path, name):
    tailor = tmp_path / "mmdftailor"
    if name != "missing":
        tailor.write_bytes({"empty": b"", "binary": bytes(range(256)) * 100, "huge": b""}[name])
    if name == "huge":
        with tailor.open("r+b") as sparse:
            sparse.truncate(100 * 1024 * 1024)

    done = posthouse("convert", tailor)

    assert (done.returncode, done.stdout) == (78, "")
    assert "mmdftailor" in done.stderr


@pytest.mark.parametrize("name", ["alpha", "delta"])
def test_the_recorded_sites_convert_without_a_complaint_of_their_own(tmp_path, name):
    shutil.copy(DATA / "sites" / name / "mmdftailor", tmp_path)

    done = posthouse("convert", tmp_path / "mmdftailor")

    (tmp_path / "site.toml").write_text(done.stdout)
    assert (
        posthouse("convert", tmp_path / "site.toml").stdout.partition("[site]")[2] == done.stdout.partition("[site]")[2]
    )


@pytest.fixture
def sites(tmp_path):
    """The hand-written sendmail.cf of the recorded deliveries, and the site.toml that is made of it."""
    corpus = tmp_path / "corpus"
    shutil.copytree(SENDMAIL, corpus)
    for path in filter(Path.is_file, corpus.rglob("*")):
        path.write_bytes(path.read_bytes().replace(b"@CORPUS@", str(corpus).encode()))
    (corpus / "spool/mqueue").mkdir(parents=True)
    converted = posthouse("convert", corpus / "deliver.cf")
    (corpus / "deliver.toml").write_text(converted.stdout)
    assert (converted.returncode, converted.stderr) == (0, "")
    return corpus / "deliver.cf", corpus / "deliver.toml"


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["-bv", "list", "alice", "bob+x", "a!b", "x@far.example", "x@error.example"], id="verify"),
        pytest.param(["-bp"], id="queue"),
        pytest.param(["-bi"], id="aliases"),
        pytest.param(["-bt"], id="test mode"),
    ],
)
def test_sendmail_says_the_same_by_a_converted_site(sites, arguments):
    before, after = (
        subprocess.run(
            [BIN / "sendmail", "-C", site, "--users", site.with_name("maps") / "passwd", *arguments],
            input="3,0 alice@far.example\n/parse list\n=M\n$=w\n" if arguments == ["-bt"] else "",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        for site in sites
    )

    assert (after.returncode, after.stdout, after.stderr) == (before.returncode, before.stdout, before.stderr)
    assert before.stdout


def test_examples_are_run_by_check(sites):
    site = sites[1]
    (site.parent / "maps/deliver/aliases").write_text("alice: alice\n")
    good = "[rewriting]\nexamples = '''\nalice@mx1 -> {mailer:} local {user:} alice\n"
    site.write_text(site.read_text().replace("[rewriting]\n", f"{good}'''\n", 1))
    assert posthouse("check", "--site", site).returncode == 0
    site.write_text(site.read_text().replace("alice\n'''", "alice\nbob@far.example -> bob # wrong\n'''", 1))

    done = posthouse("check", "--site", site)

    number = next(n for n, line in enumerate(site.read_text().splitlines(), 1) if "# wrong" in line)
    assert done.returncode == 78
    assert f"deliver.toml:{number}:1: bob @ far . example becomes {{mailer:}} multi " in done.stderr


def test_a_sendmail_cf_with_mistakes_is_not_converted(tmp_path):
    (tmp_path / "bad.cf").write_text("V10\nDjmx1.example.org\nSparse\nR$+ no tab\n")

    done = posthouse("convert", tmp_path / "bad.cf")

    assert (done.returncode, done.stdout) == (78, "")
    assert f"{tmp_path}/bad.cf:4:" in done.stderr


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 100, b"\xff" * 1000, b"R$*\t$@\n" * 10])
def test_what_is_no_sendmail_cf_is_a_mistake(tmp_path, content):
    (tmp_path / "x.cf").write_bytes(content)

    done = posthouse("convert", tmp_path / "x.cf")

    assert (done.returncode, done.stdout) == (78, "")
    assert "Traceback" not in done.stderr


def test_addresses_of_ones_own_become_examples(sites):
    cf, site = sites
    (cf.parent / "maps/deliver/aliases").write_text("alice: alice\n")

    done = posthouse("convert", "--example", "alice@mx1", "--example", 'a"b@far.example', "--example", "x{y", cf)

    site.write_text(done.stdout)
    lines = [line.split(" -> ") for line in done.stdout.splitlines() if " -> {mailer:} " in line][:3]
    assert [left.strip() for left, _ in lines][::2] == ["alice@mx1", "x{{y"]
    assert lines[0][1] == "{mailer:} local {user:} alice"
    assert posthouse("check", "--site", site).returncode == 0


def test_an_mmdftailor_has_no_examples(tmp_path):
    assert posthouse("convert", "--example", "a@b", make_mmdf_site(tmp_path)).returncode == 64
