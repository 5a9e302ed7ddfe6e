"""The rule sets that H lines name: each field of a message is shown to its own, or to that of ``H*``."""

from collections.abc import Generator, Sequence

from msgspec import Struct

from posthouse.mail.lookup import MapAnswer, MapQuestion
from posthouse.mailers.fields import Field, Nature
from posthouse.rewriting.compiled import CompiledProgram
from posthouse.rewriting.environment import Environment
from posthouse.rewriting.tokens import fold
from posthouse.rewriting.verdicts import Ruling, Verdict, check
from posthouse.site.cf.declared import HeaderDeclaration

_LONGEST = 1000  # characters of a value that a rule set sees


class Checked(Struct, frozen=True):
    """Every refusal, and what else was ruled: the first discarding or quarantining verdict, if there is one."""

    refusals: tuple[Verdict, ...] = ()
    other: Verdict | None = None


def check_fields(
    program: CompiledProgram,
    environment: Environment,
    declarations: Sequence[HeaderDeclaration],
    own: Sequence[Field],
) -> Generator[MapQuestion, MapAnswer, Checked]:
    """Check the fields in their order.  The macro {addr_type} stays as the last that was checked left it."""
    checks = {fold(one.name): one for one in declarations if one.rule_set}
    refusals: list[Verdict] = []
    other: Verdict | None = None
    for field in own:
        declared = checks.get(fold(field.name), checks.get("*"))
        if declared is None:
            continue
        _describe(environment, field)
        verdict = yield from check(
            program,
            environment,
            declared.rule_set,
            field.value[:_LONGEST],
            without_comments=not declared.keeps_comments,
        )
        if verdict.ruling is Ruling.REFUSE:
            refusals.append(verdict)
        elif verdict.ruling is not Ruling.ACCEPT and other is None:
            other = verdict
    return Checked(tuple(refusals), other)


def _describe(environment: Environment, field: Field) -> None:
    value = field.value.strip()
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')[:_LONGEST]
    environment.define("currHeader", f'"{quoted}"')
    environment.define("hdr_name", field.name)
    environment.define("hdrlen", str(len(value)))
    kind = " s" if Nature.SENDER in field.nature else " r" if Nature.RECIPIENT in field.nature else ""
    environment.define("addr_type", f"h{kind}")
