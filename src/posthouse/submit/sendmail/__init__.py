"""The way in of a site whose language is that of sendmail: its rules, driven against real maps, aliases and files."""
