"""Recorded answers of the real MMDF II, and ours beside them.

``tests/data/mmdf`` holds the sites and what submit said, tests/data/mmdf/README.md how to read it.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from posthouse.adapters.clock_manual import ManualClock
from posthouse.adapters.table_mmdf import open_mmdf_tables, users_table
from posthouse.mail.lookup import Trace
from posthouse.routing.mmdf.alias_text import describe_alias
from posthouse.routing.mmdf.authorization import Submitter
from posthouse.routing.mmdf.compiled import compile_mmdf
from posthouse.routing.mmdf.resolve import AddressCheck
from posthouse.routing.mmdf.verdict import Checked
from posthouse.site.tailor.convert import write_part
from posthouse.site.tailor.model import Compatibility, TailorConfiguration
from posthouse.site.tailor.reader import parse_tailor
from posthouse.site.tailor.site import tailor_of
from posthouse.site.toml import read_site
from posthouse.submit.eager import run
from posthouse.submit.mmdf import answer_steps

DATA = Path(__file__).parent.parent / "data" / "mmdf"
ALWAYS_THERE = ("root", "nobody", "mmdf")


def recorded(name: str) -> Iterator[dict]:
    """Yield the cases of one class, without those in which the original died."""
    for line in (DATA / "cases" / f"{name}.jsonl").read_text().splitlines():
        case = json.loads(line)
        if not case.get("crashed"):
            yield case


class RecordedSite:
    """A site at work: from ``tests/data/mmdf/sites``, or from a tailor file and tables given as text."""

    def __init__(
        self,
        tailor: str,
        folder: Path,
        *,
        compatibility: Compatibility | None = None,
        users: Path = DATA / "sites" / "users.txt",
        nameservers: Sequence[str] = (),
        seconds: float = 5.0,
        converted: bool = False,
    ) -> None:
        configuration = parse_tailor(tailor, folder / "mmdftailor", compatibility or Compatibility.DOCUMENTS)
        if converted:
            configuration = as_site_toml(configuration, folder)
        self.routing = compile_mmdf(configuration, compatibility)
        self.tables = open_mmdf_tables(
            configuration,
            ManualClock(),
            users=users_table(users, ALWAYS_THERE),
            folder=folder,
            nameservers=nameservers,
            seconds=seconds,
        )
        self.full_name = configuration.names.full

    def message(self, submitter: Submitter | None = None) -> AddressCheck:
        """Begin a message; of root, unless told otherwise."""
        return AddressCheck(self.routing, submitter or Submitter("root", answers_to=f"root@{self.full_name}"))

    def check(self, address: str) -> Checked:
        """Verify one address of a message of its own."""
        return self.go_on(self.message(), address)

    def go_on(self, message: AddressCheck, address: str) -> Checked:
        """Verify one more address of a message."""
        checked, trace = run(answer_steps(message.check(address), self.tables))
        return replace(checked, trace=trace)

    def describe(self, name: str, user: str) -> list[str]:
        """Say what an alias is, as malias says it to this user."""
        steps = describe_alias(self.routing, name, is_privileged=user in {"root", "mmdf"})
        return list(run(answer_steps(steps, self.tables))[0])

    def trace(self, address: str) -> Trace:
        """Return the questions, answers and decisions of one address."""
        return self.check(address).trace


def as_site_toml(configuration: TailorConfiguration, folder: Path) -> TailorConfiguration:
    """Convert a tailor file to a site.toml in a folder, and read that."""
    site = folder / "site.toml"
    site.write_text(f'[site]\nname = "converted.example"\n\n{write_part(configuration)}')
    found = tailor_of(read_site(site))
    assert found is not None
    return found


def recorded_site(
    name: str,
    root: Path,
    *,
    compatibility: Compatibility | None = None,
    records: Iterable[str] = (),
    tables: Mapping[str, str] | None = None,
    hashed: bool = False,
    converted: bool = False,
) -> RecordedSite:
    """Open a recorded site below ``root``, with further records at the end of its tailor file and further tables."""
    source = DATA / "sites" / name
    folder = root / "table"
    if not folder.exists():
        shutil.copytree(source / "tables", folder)
        for table in folder.iterdir():
            table.write_text(table.read_text().replace("@ROOT@", str(root)))
    for table, text in (tables or {}).items():
        (folder / table).write_text(text)
    tailor = (source / "mmdftailor").read_text().replace("@ROOT@", str(root))
    tailor += "".join(f"{record}\n" for record in records)
    if hashed:
        lines = tailor.split("\n")
        tailor = "\n".join(f"{line}, flags=dbm" if line.startswith("MTBL") else line for line in lines)
    return RecordedSite(tailor, folder, compatibility=compatibility, converted=converted)


def as_recorded(value: object, root: Path) -> object:
    """Put the name that the recordings use in the place of our root, in whatever JSON."""
    return json.loads(json.dumps(value).replace(str(root), "@ROOT@"))


def mmdf_site(tmp_path: Path, tailor: str, tables: Mapping[str, str], **options: object) -> RecordedSite:
    """Open a site of a test's own: a tailor file, and the tables as texts."""
    folder = tmp_path / "table"
    folder.mkdir(exist_ok=True)
    for name, text in tables.items():
        (folder / name).write_text(text)
    return RecordedSite(tailor, folder, **options)  # type: ignore[arg-type] - the options of RecordedSite
