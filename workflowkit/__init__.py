"""Workflow Kit for Python: user-defined, durable workflows inside your own product."""

__version__ = "0.1.0"
