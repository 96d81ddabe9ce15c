"""The imperative shell: one function, one transaction. Policy comes from ``engine``, rows from ``store``."""
