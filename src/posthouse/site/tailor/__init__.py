"""MMDF's language: the tailor file, mmdftailor(5).

records.py cuts the file into records, fields.py a record into fields, keywords.py says what each
keyword means, reader.py puts the configuration together and site.py makes a Site of it.
"""
