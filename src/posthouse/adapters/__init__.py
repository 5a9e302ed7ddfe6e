"""Adapters: one port and one technology each, named ``<port>_<technology>``.  Here the world is touched."""
