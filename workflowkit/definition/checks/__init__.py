"""The checks of a workflow document, one module per kind of mistake; each finds every problem of its kind.

They share a ``Subject`` and report through plain generators of ``Problem``; ``definition.validate`` runs them all.
"""
