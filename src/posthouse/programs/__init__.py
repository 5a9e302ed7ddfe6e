"""Programs that are given mail or asked about it: how they are started, fed and ended.

The rule: every program is a session of its own, so that an end reaches all that it started itself.
"""
