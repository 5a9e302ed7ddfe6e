"""Moved to mail/map_arguments.py, where rewriting may read it too; import it from there."""

from posthouse.mail.map_arguments import (
    MapArguments,
    NullByte,
    finish_answer,
    fold_octets,
    read_map_arguments,
    rewrite_value,
)

__all__ = ["MapArguments", "NullByte", "finish_answer", "fold_octets", "read_map_arguments", "rewrite_value"]
