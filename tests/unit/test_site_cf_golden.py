"""Whole configuration files, read and shown.

Each tests/golden/cf/NAME.cf has what is read of it beside it as NAME.txt.  ``make golden`` writes them anew;
review reads the difference.
"""

import os
from pathlib import Path

import pytest

from posthouse.site.cf.declared import CfConfiguration
from posthouse.site.cf.dollars import written
from posthouse.site.cf.machine import Machine, Surroundings, read_plain_file
from posthouse.site.cf.printing import class_words, macro_value, mailer_lines, rule_lines, visible
from posthouse.site.cf.reader import read_cf

GOLDEN = Path(__file__).parent.parent / "golden" / "cf"
FILES = sorted(GOLDEN.glob("*.cf"))
MACHINE = Machine("mx1", "mx1.example.org", ("mx1",), ("192.0.2.10",))


def read_golden(path: str, most: int) -> bytes:
    """Only the files beside this one are there, whatever machine the test runs on."""
    if Path(path).parent != GOLDEN:
        raise FileNotFoundError(2, "No such file or directory", path)
    return read_plain_file(path, most)


def shown(configuration: CfConfiguration) -> str:
    program = configuration.program
    lines = [f"level {program.level}, vendor {configuration.vendor or 'none'}, operators {program.operators}"]
    lines += [f"${name}={macro_value(configuration.program.macros, name)}" for name in sorted(program.macros)]
    lines += [f"$={name} {' '.join(class_words(configuration, name))}" for name in sorted(program.classes)]
    lines += mailer_lines(configuration)
    for number, rules in sorted(program.rule_sets.items()):
        lines += [f"S{rules.name or number}", *(rule_lines(configuration, str(number)) or ())]
    lines += [
        f"H {one.name} flags={one.flags} macro={one.macro} set={one.rule_set} {visible(one.template)}"
        for one in configuration.headers
    ]
    lines += [
        f"O {one.name}={visible(written(repr(one.value)))}" for many in configuration.settings.values() for one in many
    ]
    lines += [f"P {name}={value}" for name, value in configuration.priorities.items()]
    lines += map(str, configuration.complaints)
    return "\n".join(lines).replace(f"{GOLDEN}/", "") + "\n"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_configuration_file_is_read_as_before(file):
    text = shown(read_cf(file, Surroundings(MACHINE, read=read_golden)))

    expected = file.with_suffix(".txt")
    if os.environ.get("POSTHOUSE_GOLDEN") == "rewrite":
        expected.write_text(text)
    assert text == expected.read_text()
