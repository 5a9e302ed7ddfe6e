"""Which bodies a mailer gets converted: F=7, F=8, F=9, what its peer takes, and the option EightBitMode.

Sendmail Installation and Operation Guide, section 5.6: text of MIME that has eight bits is converted for who takes
seven; text that says nothing of itself passes as it is (pass8), is told to be MIME first (mimefy), or was refused when
it came (strict).  Base64 and quoted text is made eight bits for mailers with F=9.
"""

from typing import Final

from msgspec import Struct

from posthouse.mailers.mime_entity import Entity, entity_of, is_encoding
from posthouse.mailers.to_eight_bits import EightBitBody, is_convertible
from posthouse.mailers.to_seven_bits import Handling, SevenBitBody
from posthouse.site.cf.declared import CfConfiguration, MailerDeclaration

_MIMEFY: Final = "mimefy"
_CLASSES: Final = {"encodings": "e", "never": "n", "messages": "s", "quoted": "q", "base64": "b"}


class SevenBitPlan(Struct, frozen=True):
    """A body that is to be surveyed, then converted."""

    entity: Entity
    handling: Handling

    def survey(self) -> SevenBitBody:
        """Return what counts."""
        return SevenBitBody(self.entity, self.handling)

    def conversion(self, survey: SevenBitBody) -> SevenBitBody:
        """Return what converts, when a survey is finished."""
        return SevenBitBody(self.entity, self.handling, survey.counts)


class Conversion(Struct, frozen=True):
    """What a mailer needs."""

    seven: bool = False  # F=7
    eight: bool = False  # F=8: whatever the peer says
    restores: bool = False  # F=9
    is_smtp: bool = False
    labels: bool = False  # EightBitMode=mimefy
    charset: str = "unknown-8bit"
    handling: Handling = Handling()

    def may_be_needed(self, *, takes_eight_bits: bool) -> bool:
        """Must the body be looked at?"""
        return self.restores or self._needs_seven(takes_eight_bits) or (self.labels and not self.eight)

    def _needs_seven(self, takes_eight_bits: bool) -> bool:
        return self.seven or (self.is_smtp and not takes_eight_bits and not self.eight)

    def begin(
        self, lines: tuple[str, ...], *, is_ascii: bool, takes_eight_bits: bool
    ) -> tuple[SevenBitPlan | EightBitBody | None, tuple[str, ...]]:
        """Return what converts the body, if anything must, and the fields as they are then."""
        entity = entity_of(lines)
        if is_ascii:
            if not self.restores or not is_convertible(entity):
                return None, lines
            return EightBitBody(entity, self.handling.note), _without_encoding(lines)
        needs_seven = self._needs_seven(takes_eight_bits)
        if self.labels and not self.eight and not entity.is_mime:
            lines += ("MIME-Version: 1.0", f"Content-Type: text/plain; charset={self.charset}")
            lines += () if needs_seven else ("Content-Transfer-Encoding: 8bit",)
            entity = entity_of(lines)
        if not needs_seven or not entity.is_mime or not self.handling.converts(entity):
            return None, lines
        return SevenBitPlan(entity, self.handling), _without_encoding(lines)


def conversion_of(
    mailer: MailerDeclaration, configuration: CfConfiguration, note: str, *, is_smtp: bool = False
) -> Conversion:
    """Return what a mailer of a configuration needs; ``note`` tells who converts."""
    usual = Handling(note=note)
    classes = configuration.program.classes
    known = {name: classes[letter] for name, letter in _CLASSES.items() if classes.get(letter)}
    return Conversion(
        seven=mailer.has("7"),
        eight=mailer.has("8"),
        restores=mailer.has("9"),
        is_smtp=is_smtp,
        labels=configuration.text("EightBitMode") == _MIMEFY,
        charset=configuration.text("DefaultCharSet") or "unknown-8bit",
        handling=Handling(
            known.get("encodings", usual.encodings),
            known.get("never", usual.never),
            known.get("messages", usual.messages),
            known.get("quoted", usual.quoted),
            known.get("base64", usual.base64),
            note,
        ),
    )


def _without_encoding(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(line for line in lines if not is_encoding(line))
