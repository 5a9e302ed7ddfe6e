"""The tables of site.toml that say what features of sendmail's m4 files say; a part of language.py."""

from posthouse.site.toml.keys import Key, Section, Shape
from posthouse.site.toml.kinds import ListOf, Text
from posthouse.site.toml.values import DOMAIN, TABLE

VIRTUAL = Section(
    "virtual",
    Shape.SINGLE,
    "Virtual users: tables that say who an address really is, asked before any alias; sendmail's virtusertable. Keys "
    "are `user@domain`, `user+*@domain` (any detail) and `@domain` (everybody else). A value is an address, in which "
    "`%1` is the user, `%2` the detail and `%3` the detail with its plus sign, or `error:5.1.1:550 text`. Whom no "
    "table knows goes the way of the domain.",
    (
        Key("tables", ListOf(TABLE), "The tables, in search order.", required=True),
        Key(
            "domains",
            ListOf(DOMAIN),
            "Domains for which the tables are asked besides the local ones. Their mail is accepted from anyone.",
            default="none",
        ),
    ),
)

MAILERTABLE = Section(
    "mailertable",
    Shape.SINGLE,
    "Next hops from tables, asked before any `[[route]]`; sendmail's mailertable. Keys are `host.example`, `.example` "
    "(every name below it) and `.` (all). A value is `channel:host`, in which `%1` is what stands before the key, or "
    "`host`, `local:user` or `error:5.1.2:550 text`. A host in brackets is asked for no MX; sendmail's `esmtp`, "
    "`relay` and so on are the channel `smtp`, unless there are channels of these names.",
    (Key("tables", ListOf(TABLE), "The tables, in search order.", required=True),),
)

_BESIDE_RULES = "It has an effect beside the standard rule sets of a part `[rewriting]` only."

GENERICS = Section(
    "generics",
    Shape.SINGLE,
    "Who users of this site are to others: sendmail's genericstable. Keys are `user`, `user@domain` and `@domain`, "
    f"values addresses. {_BESIDE_RULES}",
    (
        Key("table", TABLE, "The table, of kind `hash`.", required=True),
        Key("domains", ListOf(DOMAIN), "Domains whose addresses are looked up besides bare names.", default="none"),
    ),
)

MASQUERADE = Section(
    "masquerade",
    Shape.SINGLE,
    f"The domain that this site's senders show, whatever host they are on. {_BESIDE_RULES}",
    (
        Key("as", DOMAIN, "The domain that is shown.", required=True, field="name"),
        Key("domains", ListOf(DOMAIN), "Domains that are hidden besides the local ones.", default="none"),
        Key("except", ListOf(DOMAIN), "Domains that are shown as they are.", default="none", field="shown"),
        Key("exposed", ListOf(Text("a user")), "Users whose host is always shown.", default="nobody"),
    ),
)

ACCESS = Section(
    "access",
    Shape.SINGLE,
    "What is decided of clients, senders and recipients: sendmail's access_db. Keys are `Connect:`, `From:` or `To:` "
    "and an address, a host, a domain or a network; values `OK`, `RELAY`, `REJECT`, `DISCARD`, `ERROR:5.7.1:550 text`. "
    f"{_BESIDE_RULES}",
    (Key("table", TABLE, "The table, of kind `hash`.", required=True),),
)
