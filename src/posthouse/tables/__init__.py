"""Engine: the syntax of tables.  Text in, entries and problems out; adapters/table_*.py do the reading."""
