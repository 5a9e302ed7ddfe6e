"""MMDF's own programs, under their own names: checkaddr, checkup, dbmbuild, malias, ... (programs.py)."""
