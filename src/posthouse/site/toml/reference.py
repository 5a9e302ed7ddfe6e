"""docs/site.md, made from the language's description.

A test holds the page in the repository to what this returns.
"""

from posthouse.site.toml import language
from posthouse.site.toml.keys import Key, Section

_OPENING = """\
# site.toml

<!-- Made by `posthouse.site.toml.site_reference()`.  Do not edit: change src/posthouse/site/toml/language.py. -->

The site file says everything that Posthouse needs to know: who it is, where it listens, which domains are its own,
and which way mail goes. It is [TOML](https://toml.io). An example that uses everything is
[examples/site.toml](../examples/site.toml); the JSON Schema, for editors, is [site.schema.json](site.schema.json).

`posthouse check` reads the file and reports every mistake at once, each as
`file:line:column: what is wrong; what would be right`.

- Durations are texts: `"90s"`, `"5m"`, `"1h30m"`, `"5d"` (units `ms`, `s`, `m`, `h`, `d`, `w`).
- Sizes are octets or texts: `65536`, `"64K"`, `"50M"`, `"1G"` (K is 1024).
- Relative paths are meant from the directory in which the file stands.
- A domain with dots in it stands in quotes where it is part of a table's name: `[domains."example.org"]`.
"""


def compose() -> str:
    """Return the page."""
    return "\n".join([_OPENING, *(_section(section) for section in language.SECTIONS)])


def _section(section: Section) -> str:
    if not section.keys:
        return "\n".join([f"## `{section.title}`", "", section.doc, ""])
    lines = [f"## `{section.title}`", "", section.doc, "", "| key | value | default | meaning |", "|---|---|---|---|"]
    lines += [_row(key) for key in section.keys]
    if section is language.ALIASES:
        lines += ["", "Short form, `[aliases]`:", "", "| key | value | default | meaning |", "|---|---|---|---|"]
        lines += [_row(key) for key in language.ALIASES_SHORT.keys]
    return "\n".join([*lines, ""])


def _row(key: Key) -> str:
    default = "required" if key.required else _code(key.default) if key.default else ""
    kinds = f" Only where the kind is {', '.join(f'`{kind}`' for kind in key.only)}." if key.only else ""
    cells = (f"`{key.name}`", key.kind.words, default, key.doc + kinds)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _code(default: str) -> str:
    """Return a default as code when it is a TOML value, and as it is when it is a clause."""
    is_value = (
        default in ("true", "false") or default.isdigit() or (default.startswith('"') and default.count('"') == 2)
    )
    return f"`{default}`" if is_value else default
