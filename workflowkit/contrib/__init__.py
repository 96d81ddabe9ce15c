"""Middleware that ships with the package; each module stands alone."""
