"""The site: one model (model.py), and the languages that describe it.

Nothing outside this package knows which language a Site was read from.
"""
