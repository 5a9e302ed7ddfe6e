"""MMDF's own programs, under their own names: checkup, dbmbuild, dbmedit, dbmlist, tablelist."""
