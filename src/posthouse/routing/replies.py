"""What routing says to the peer: short, and nothing about the inside of the site."""

from posthouse.mail.address import Address
from posthouse.mail.reply import Reply, reply


def unknown_user(address: Address) -> Reply:
    """No such user or alias here."""
    return reply(550, "5.1.1", f"<{address}>: no such user here")


def no_route(address: Address) -> Reply:
    """No rule says where this domain goes."""
    return reply(550, "5.4.4", f"<{address}>: no route to this domain")


def not_a_recipient(address: Address) -> Reply:
    """The alias leads to something that cannot be delivered to."""
    return reply(550, "5.3.5", f"<{address}>: cannot be delivered to")


def alias_loop(address: Address) -> Reply:
    """The aliases lead nowhere but in circles, or too deep."""
    return reply(554, "5.4.6", f"<{address}>: alias loop")


def too_wide(address: Address) -> Reply:
    """The alias has more members than the site's limit."""
    return reply(550, "5.2.4", f"<{address}>: expands to too many addresses")


def try_later() -> Reply:
    """A table cannot answer now."""
    return reply(451, "4.3.0", "temporary trouble looking up the address; try again later")
