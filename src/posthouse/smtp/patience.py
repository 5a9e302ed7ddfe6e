"""How much is borne of a client that brings errors instead of mail.

One rule: every count goes on for the whole session, so that no command sets the client's account right.
Only a message does, and only for commands that were no errors.
"""

# Commands that carry no mail and ask for nothing that costs: beyond this many between two messages each is an error.
_IDLE_COMMANDS = 100


class Patience:
    """The account of one session."""

    __slots__ = ("_errors", "_idle_commands", "_most_errors", "_told")

    def __init__(self, most_errors: int) -> None:
        self._most_errors = most_errors
        self._errors = 0
        self._idle_commands = 0
        self._told = 0

    def note_error(self) -> bool:
        """Count an error; False when it was the one too many."""
        self._errors += 1
        return self._errors <= self._most_errors

    def note_idle(self) -> bool:
        """Count a command that brings no mail; False when it was the one too many."""
        self._idle_commands += 1
        return self._idle_commands <= _IDLE_COMMANDS or self.note_error()

    def note_message(self) -> None:
        """Count a message: it is what the session is for."""
        self._idle_commands = 0

    def may_tell(self) -> bool:
        """Count a refusal that the driver would write to its log; False beyond the errors that a session may have.

        Some refusals are no errors (452 to a recipient too many), and there may be any number of them.
        """
        self._told += 1
        return self._told <= self._most_errors + 1  # the last one is the error that ends the session
