"""amp as a filter."""

import subprocess
import sys

import pytest

from support.mmdf_site import make_mmdf_site


@pytest.fixture
def tailor(tmp_path):
    tailor = make_mmdf_site(tmp_path)
    with tailor.open("a") as file:
        file.write("MCHN percent, ap=733, lname=front, ldomain=wood.example\n")
    return tailor


def amp(tailor, message, *options):
    return subprocess.run(
        [sys.executable, "-m", "posthouse", "mmdf", "amp", "-t", str(tailor), *options],
        input=message,
        capture_output=True,
        timeout=300,
        check=False,
    )


MESSAGE = b"Subject: To: x\nTo: b@place.zz,\n  joe\n\nTo: joe\n\xff\x00"


def test_a_message_is_rewritten_and_its_body_is_not(tailor):
    done = amp(tailor, MESSAGE)

    assert (done.returncode, done.stderr) == (0, b"")
    names = dict(
        line.split()[:2] for line in tailor.read_text().splitlines() if line.startswith(("MLNAME", "MLDOMAIN"))
    )
    ours = ".".join(names[key].strip('"') for key in ("MLNAME", "MLDOMAIN")).encode()
    assert done.stdout == b"Subject: To: x\nTo: b@place.zz, joe@" + ours + b"\n\nTo: joe\n\xff\x00"


def test_a_channel_gives_its_own_style_and_names(tailor):
    assert b"\nTo: b@place.zz, joe@front.wood.example\n" in amp(tailor, MESSAGE, "percent").stdout


def test_a_channel_that_is_not_there_is_a_mistake_of_the_caller(tailor):
    done = amp(tailor, MESSAGE, "nosuch")

    assert done.returncode == 64
    assert b"has no channel 'nosuch'; there are:" in done.stderr
    assert done.stdout == b""


def test_a_header_without_a_body_is_enough(tailor):
    assert amp(tailor, b"Subject: s\n").stdout == b"Subject: s\n"
    assert amp(tailor, b"").stdout == b""


def test_a_style_can_be_asked_for(tailor):
    route = b"To: @oak.wood.example:joe@elm.example\n\n"

    assert b"To: joe%elm.example@oak.wood.example\n" in amp(tailor, route, "-", "733").stdout
    assert b"To: joe%example.elm@example.wood.oak\n" in amp(tailor, route, "percent", "jnt").stdout
    assert amp(tailor, MESSAGE, "-", "same").stdout == MESSAGE


def test_what_is_no_style_is_a_mistake_of_the_caller(tailor):
    done = amp(tailor, MESSAGE, "-", "823")

    assert (done.returncode, done.stdout) == (64, b"")
    assert b"'823' is no style; there are: same, 822" in done.stderr
