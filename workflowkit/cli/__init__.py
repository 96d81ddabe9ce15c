"""The command line: ``workflowkit COMMAND``. One module per command or group of commands.

Modules of this package import nothing heavy at their top (no SQLAlchemy, Celery, Flask, networkx): a command imports
what it needs when it runs. Exit codes: 0 done, 1 failed, 2 the command line or a document is invalid, 130 interrupted.
"""

from workflowkit.cli.root import main

__all__ = ["main"]
