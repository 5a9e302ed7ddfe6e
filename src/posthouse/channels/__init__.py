"""The ways out: what a site's channels do with mail.  ``open`` makes those that the site declares."""
