"""Routing by a sendmail.cf: rule sets, aliases, ``.forward`` and ``:include:``, and the rules about who may send."""
