"""Rule sets of sendmail in a site.toml: the part ``[rewriting]``, in a notation made to be read.

Its elements are those of a sendmail.cf and become the same configuration, by the same readers; only how they
are written differs.  docs/rewriting.md is its description.
"""
