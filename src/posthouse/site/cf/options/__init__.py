"""The options of O lines: which there are, how their values are read, and what each does here."""
