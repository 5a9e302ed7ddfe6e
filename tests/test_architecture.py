"""The direction of imports: inward only.  docs/architecture.md draws what this file holds.

Rows from the inside out; a module imports from rows before its own, and from its own package.
"""

import ast
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "posthouse"

ROWS: tuple[frozenset[str], ...] = (
    frozenset({"mail"}),
    frozenset({"ports"}),
    frozenset({"smtp", "rewriting", "tables", "dsn", "queueing"}),
    frozenset({"site"}),
    frozenset({"routing", "scheduling", "mailers"}),
    frozenset({"submit", "deliver"}),
    frozenset({"programs"}),
    frozenset({"adapters", "channels", "smtpd"}),
    frozenset({"wiring"}),
    frozenset({"cli", "console"}),
)
ROW_OF = {package: number for number, row in enumerate(ROWS) for package in row}
ENGINES = frozenset({"mail", "smtp", "rewriting", "tables", "dsn", "queueing", "routing", "scheduling", "mailers"})
# What an engine would need to do I/O, to know the time or to draw lots.
IMPURE = frozenset(
    {"asyncio", "socket", "ssl", "subprocess", "threading", "time", "random", "secrets", "sqlite3", "select", "signal"}
)
WITHOUT_ASYNCIO = ENGINES | {"ports", "site", "submit", "deliver"}
MODULES = sorted(SOURCE.rglob("*.py"))


def package_of(module: Path) -> str:
    return module.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(module: Path) -> set[str]:
    """Every absolute module name that a file imports, wherever in the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: a relative import hides its direction"
            names.add(node.module or "")
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def inner_packages(module: Path) -> set[str]:
    found = {name.split(".")[1] for name in imports_of(module) if name.startswith("posthouse.")}
    return {package for package in found if package in ROW_OF}


def test_every_package_has_a_row():
    packages = {package_of(module) for module in MODULES} - {"__init__", "__main__"}

    assert packages <= set(ROW_OF)


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(SOURCE)))
def test_imports_point_inward(module):
    package = package_of(module)
    if package in {"__init__", "__main__"}:
        return
    row = ROW_OF[package]

    outward = {other for other in inner_packages(module) if other != package and ROW_OF[other] >= row}

    assert not outward, f"{package} (row {row}) must not import {sorted(outward)}"


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(SOURCE)))
def test_engines_do_no_io_and_know_no_clock(module):
    package = package_of(module)
    roots = {name.split(".")[0] for name in imports_of(module)}

    if package in ENGINES:
        assert not roots & IMPURE
    if package in WITHOUT_ASYNCIO:
        assert "asyncio" not in roots


def test_the_two_halves_never_meet():
    for module in MODULES:
        inner = inner_packages(module)
        if package_of(module) == "submit":
            assert "deliver" not in inner
        if package_of(module) == "deliver":
            assert "submit" not in inner


def test_only_the_root_and_the_commands_know_the_adapters():
    """Everybody else meets an adapter through its port."""
    for module in MODULES:
        if package_of(module) not in {"wiring", "cli", "adapters"}:
            assert "adapters" not in inner_packages(module), module


def test_every_module_says_what_it_is_for():
    for module in MODULES:
        purpose = ast.get_docstring(ast.parse(module.read_text())) or ""
        assert len(purpose.split()) > 3, f"{module} opens without a docstring"


@pytest.mark.parametrize("module", MODULES, ids=lambda m: str(m.relative_to(SOURCE)))
def test_modules_stay_small_or_say_why_not(module):
    text = module.read_text()

    if text.count("\n") > 400:
        assert "Longer than 400 lines because" in (ast.get_docstring(ast.parse(text)) or "")


def test_no_module_is_named_for_anything():
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base", "tools"}

    assert not {module.stem for module in MODULES} & vague


def test_third_party_imports_are_declared():
    """What is imported stands in pyproject.toml, and nothing else."""
    import tomllib

    project = tomllib.loads((SOURCE.parent.parent / "pyproject.toml").read_text())["project"]
    extras = (entry for name, listed in project["optional-dependencies"].items() if name == "ldap" for entry in listed)
    declared = {entry.split(">")[0].replace("-", "_") for entry in (*project["dependencies"], *extras)}
    names = {"dnspython": "dns"}
    roots = {name.split(".")[0] for module in MODULES for name in imports_of(module)}
    third_party = roots - set(sys.stdlib_module_names) - {"posthouse"}

    assert third_party == {names.get(name, name) for name in declared}
