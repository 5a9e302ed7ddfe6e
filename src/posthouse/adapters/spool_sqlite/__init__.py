"""The spool in one SQLite database, with group commit: for daemons (spool) and for commands (direct)."""
