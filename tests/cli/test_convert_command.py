"""``posthouse convert``: an mmdftailor as a site.toml, with the real commands."""

import shutil
import subprocess
import sys

import pytest

from support.mmdf import DATA
from support.mmdf_site import make_mmdf_site


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
