"""From declared tables to tables that answer.

The one place that knows which adapter serves which kind of table.
"""

from posthouse.ports import Clock, Table
from posthouse.site.model import Site

LOGIN_NAMES = "login-names"


def open_tables(site: Site, clock: Clock) -> dict[str, Table]:
    """Open every table of the site, and ``login-names``.

    Nothing is read here and nothing fails: a table whose source is missing answers that it is
    unavailable, until it is there.
    """
    raise NotImplementedError
