"""The site of the end-to-end tests: one local domain, a friendly and a strict listener, routes to sinks."""

SITE = """
[site]
name = "mx.test"
postmaster = "master@mx.test"
workers = 1

[[listener]]                    # number 0: friends may relay
address = "127.0.0.1:0"
relay-from = ["127.0.0.0/8"]

[[listener]]                    # number 1: strangers
address = "127.0.0.2:0"

[domains."mx.test"]
users = ["people"]

[tables.people]
entries = { joe = "", ann = "", master = "" }

[tables.names]
entries = { both = ["joe", "ann"] }

[aliases]
tables = ["names"]

[channels.local]
mailbox = "mail/{user}/"

[retry]
first-delay = "200ms"
max-delay = "1s"
dead-host = "200ms"

[timeouts]
drain = "2s"

[log]
file = "log"
"""


def relay_to(domain: str, port: int) -> str:
    """A route from a domain to a port on loopback."""
    return f'\n[[route]]\nhost = "{domain}"\nchannel = "smtp"\nrelay = "[127.0.0.1]:{port}"\n'
