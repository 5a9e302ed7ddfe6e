"""The ways in for people: the posthouse command, and sendmail, mailq, newaliases as programs know them."""
