"""A small MMDF site in a folder, as its administrator would have written it."""

from pathlib import Path

TAILOR = """\
; grove -- one machine with a relay
MLNAME		"grove"
MLDOMAIN	"wood.example"
MSUPPORT	"postmaster@grove.wood.example"
MTBLDIR		"tables"
MQUEDIR		"lock/home"
MLOGDIR		"log"
MPHSDIR		"log/phase"
MCMDDIR		"lib"
MCHNDIR		"chans"

MTBL	aliases, file="aliases", show="Aliases"
ALIAS	table=aliases, trusted
MTBL	dom-wood, file="domain.wood", show="Wood", flags=route
MTBL	dom-root, file="domain.root", show="Root"
MDMN	wood, dmn="wood.example", show="Wood", table=dom-wood
MDMN	root, name="", dmn="", show="Root", table=dom-root
MTBL	ch-local, file="channel.local", show="Local names"
MTBL	ch-smtp, file="channel.smtp", show="SMTP hosts"
MCHN	local, show="Local delivery", que=local, tbl=ch-local, pgm=local, mod=imm
MCHN	smtp, show="SMTP", que=smtp, tbl=ch-smtp, pgm=smtp, ap=822
MCHN	badhosts, show="Unknown hosts", que=smtp, tbl=ch-smtp, pgm=smtp, host="oak.wood.example"
"""
TABLES = {
    "aliases": "Postmaster: ann\nmmdf: ann\nroot: ann\nfriends: ann, bea@oak.wood.example\n",
    "domain.wood": "grove: grove.wood.example\nOak: oak.wood.example\n",
    "domain.root": "elm.example: elm.example oak.wood.example\n",
    "channel.local": "grove.wood.example: grove\ngrove: grove\n",
    "channel.smtp": "oak.wood.example: 192.0.2.1\noak.wood.example: 192.0.2.2\n",
}
FOLDERS = ("log/phase", "lib", "chans", "lock/home/tmp", "lock/home/addr", "lock/home/msg", "lock/home/q.local",
           "lock/home/q.smtp")  # fmt: skip


def make_mmdf_site(folder: Path, more: str = "") -> Path:
    """Write the site; return its tailor file."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True)
    (folder / "tables").mkdir()
    for name, text in TABLES.items():
        (folder / "tables" / name).write_text(text)
    tailor = folder / "mmdftailor"
    tailor.write_text(TAILOR + more)
    return tailor
