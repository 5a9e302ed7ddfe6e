"""Handing a message in from a command: to the running daemon, to the spool itself, or into the drop."""
