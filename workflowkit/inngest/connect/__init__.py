"""Apps whose workers connect: they reach out to a gateway by WebSocket, and are sent what they are to execute.

A worker asks for a gateway (``starting``), the gateway holds its socket (``gateway``, ``session``), and the step that
calls a function waits for the reply (``exchange``). Between them are rows in the database: ``runtime.workerrequests``.
Only ``gateway``, ``session``, ``desk`` and ``frames`` need the package of the extra ``connect``.
"""

from __future__ import annotations

from importlib.util import find_spec

#: What says that it is missing.
MISSING = "workers cannot connect: install workflowkit[connect]"


def is_installed() -> bool:
    """Tell whether the package is there that gateways need."""
    return find_spec("google") is not None and find_spec("google.protobuf") is not None
