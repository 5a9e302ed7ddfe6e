"""Mail appended to files: under SafeFileEnvironment nowhere else, and not through links."""

import io
import os
from pathlib import Path

import pytest

from posthouse.channels.mailer_file import append

TEXT = b"From ann\n\nbody\n"


def write(path: Path | str, root: Path | str = "", *, may_be_linked: bool = False) -> int:
    return append(str(path), 0o600, io.BytesIO(TEXT), str(root), may_be_linked=may_be_linked)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "safe/inner").mkdir(parents=True)
    return tmp_path / "safe"


def test_a_file_in_the_safe_directory_is_written(root: Path) -> None:
    assert write(root / "inner/box", root) == os.EX_OK
    assert (root / "inner/box").read_bytes() == TEXT + b"\n"


def test_any_other_path_is_taken_from_the_safe_directory(root: Path) -> None:
    assert write("/box", root) == os.EX_OK
    assert write("/../../box", root) == os.EX_OK
    assert (root / "box").read_bytes() == 2 * (TEXT + b"\n")


def test_a_path_that_is_not_there_below_the_safe_directory_cannot_be_created(root: Path) -> None:
    assert write(root.parent / "elsewhere", root) == os.EX_CANTCREAT
    assert write(f"{root}-not/box", root) == os.EX_CANTCREAT
    assert write(root, root) == os.EX_CANTCREAT
    assert not (root.parent / "elsewhere").exists()


def test_no_symbolic_link_leads_out(root: Path) -> None:
    (root / "way-out").symlink_to(root.parent)
    (root / "box").symlink_to(root.parent / "elsewhere")

    assert write(root / "way-out/elsewhere", root) == os.EX_CANTCREAT
    assert write(root / "box", root) == os.EX_CANTCREAT
    assert not (root.parent / "elsewhere").exists()


def test_dev_null_is_everywhere(root: Path) -> None:
    assert write(os.devnull, root) == os.EX_OK


def test_a_file_with_two_names_is_written_only_where_that_is_overlooked(tmp_path: Path) -> None:
    (tmp_path / "box").write_bytes(b"")
    (tmp_path / "other").hardlink_to(tmp_path / "box")

    assert write(tmp_path / "box") == os.EX_CANTCREAT
    assert write(tmp_path / "box", may_be_linked=True) == os.EX_OK
    assert (tmp_path / "other").read_bytes() == TEXT + b"\n"
