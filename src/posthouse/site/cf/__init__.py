"""The language of sendmail: ``sendmail.cf``, levels 1 to 10."""
