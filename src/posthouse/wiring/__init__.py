"""The only composition root: from a Site to parts that work together.

The rule: nothing else in the program names both a port's user and its adapter.  Every import
of an adapter stands inside the function that needs it, because the sendmail command
comes through here too and has to start fast: it uses ``site_file`` and ``accepting.direct_intake``,
and none of asyncio, prometheus_client, dnspython or uvloop.
"""
