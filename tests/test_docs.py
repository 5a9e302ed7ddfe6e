"""Documents say what is so: links lead somewhere, cited tests exist, commands are real."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from posthouse.mail import events
from support.daemon import running_daemon
from support.e2e_site import relay_to
from support.peers import program
from support.ports import free_port
from support.waiting import LONG

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
BIN = Path(sys.executable).parent


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda d: str(d.relative_to(ROOT)))
def test_links_lead_to_files(document):
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text())

    assert [target for target in targets if not (document.parent / target).exists()] == []


def test_every_decision_and_page_is_reachable_from_the_readme():
    readme = (ROOT / "README.md").read_text()
    pages = [page.name for page in (ROOT / "docs").glob("*.md")]

    assert [page for page in pages if f"docs/{page}" not in readme] == []


def test_standards_cite_modules_and_tests_that_exist():
    """A row of docs/standards.md is a claim; its test must be there to show it."""
    text = (ROOT / "docs" / "standards.md").read_text()
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    modules = re.findall(r"`((?!tests/)[a-z_]+(?:/[a-z_0-9]+)+\.py)`", text)
    tests = re.findall(r"`(test_[a-z0-9_]+)`", text)

    assert modules
    assert tests
    assert [module for module in modules if not (ROOT / "src" / "posthouse" / module).exists()] == []
    assert [test for test in tests if f"def {test}(" not in sources] == []


def test_the_architecture_names_every_package_and_adapter():
    named = set(re.findall(r"`([a-z_]+)`", (ROOT / "docs" / "architecture.md").read_text()))
    source = ROOT / "src" / "posthouse"
    modules = [*source.iterdir(), *(source / "adapters").iterdir()]

    assert {path.stem for path in modules if path.suffix in {"", ".py"} and path.stem[0] != "_"} - named == set()


def test_every_event_of_the_log_is_described():
    described = (ROOT / "docs" / "logs.md").read_text()
    names = [value for name, value in vars(events).items() if name.isupper() and isinstance(value, str)]

    assert len(names) > 20
    assert [name for name in names if f"`{name}`" not in described] == []


def test_make_targets_of_the_documents_exist():
    makefile = (ROOT / "Makefile").read_text()
    named = {target for document in DOCUMENTS for target in re.findall(r"`make ([a-z]+)", document.read_text())}

    assert {target for target in named if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()


def test_posthouse_commands_of_the_readme_exist():
    named = set(re.findall(r"posthouse ([a-z]+)(?: ([a-z]+))?", (ROOT / "README.md").read_text()))
    shown = subprocess.run([BIN / "posthouse", "--help"], capture_output=True, text=True, check=True).stdout
    commands = {"explain", "queue", "log", "check", "reload"}

    assert commands <= {command for command, _ in named}
    assert [command for command in commands if not re.search(rf"^\s+{command}\s", shown, re.MULTILINE)] == []


def test_the_project_speaks_of_no_machine():
    """No absolute path of a developer's machine and no package host in what is kept."""
    kept = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split()
    if not kept:
        pytest.skip("not a git checkout")
    forbidden = re.compile(r"/(?:root|home/[a-z]+|work)/[a-z.]|py" + r"pi\.org|files\.python" + r"hosted|deb\.debian")
    recorded = "tests/data/sendmail/home/"  # homes of accounts that no machine has
    kept = [name for name in kept if not name.startswith(recorded)]
    readable = [ROOT / name for name in kept if (ROOT / name).suffix in {".py", ".md", ".toml", ".lock", ".txt", ""}]

    assert [str(path) for path in readable if path.is_file() and forbidden.search(path.read_text())] == []


def _shell_lines(document, heading):
    """The commands of one section: lines of indented blocks, without their comments."""
    section = document.read_text().split(f"\n## {heading}", 1)[1].split("\n## ", 1)[0]
    return [re.sub(r"\s{2,}#.*", "", line.strip()) for line in section.splitlines() if line.startswith("    ")]


@pytest.fixture
def make_run(tmp_path):
    """What `make run` starts, on ports of its own, in a directory that looks like the repository's."""
    site = (ROOT / "examples" / "localhost.toml").read_text()
    site = site.replace("127.0.0.1:2525", "127.0.0.1:0").replace("127.0.0.1:9125", "127.0.0.1:0")
    site = site.replace("log/posthouse.log", "log")
    (tmp_path / ".venv").symlink_to(BIN.parent)
    with running_daemon(tmp_path / "var", site + relay_to("*", free_port())) as daemon:
        yield daemon


def test_examples_of_the_readme_run_as_they_are_written(make_run):
    """Each command of "A first message" ends well; the last ones act on a message that waits."""
    lines = _shell_lines(ROOT / "README.md", "A first message")
    make_run.send("demo@localhost", "someone@example.org")
    waiting = make_run.wait_event("deferred")["queue_id"]
    environment = {**os.environ, "POSTHOUSE_SITE": str(make_run.site_file)}
    failed = {}

    assert len(lines) >= 14
    for line in lines:
        if line.startswith(("swaks", "curl")):
            program(line.split()[0], line.split()[0])
        if line.startswith("cat"):
            make_run.wait_messages("demo", 1)
        words = line.replace("127.0.0.1:2525", make_run.addresses[0]).replace("QUEUEID", waiting)
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", words],
            cwd=make_run.home.parent,
            env=environment,
            capture_output=True,
            timeout=LONG,
            check=False,
        )
        if done.returncode != 0:
            failed[line] = done.stderr

    assert failed == {}
    assert len(make_run.wait_messages("demo", 3)) == 3


def test_what_make_run_prints_fits_80_columns_and_names_commands_of_the_readme():
    banner = (ROOT / "tools" / "run").read_text().split("<<'TEXT'\n")[1].split("\nTEXT\n")[0]

    assert max(map(len, banner.splitlines())) <= 80
    assert ".venv/bin/sendmail demo@localhost" in banner
    assert ".venv/bin/posthouse reload" in banner
