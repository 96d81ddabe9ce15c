"""Processes that end with the one that started them, however that one ends.

The parent holds one end of a pipe and never writes to it; the child notices that the pipe was closed, which the kernel
does for a parent that was killed.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping

#: Names the descriptor of the pipe's end in the environment of a child.
VARIABLE = "WORKFLOWKIT_LIFELINE"


def follow_parent(environ: Mapping[str, str]) -> None:
    """End this process by SIGTERM when the one that started it has ended, if that one wants so."""
    if (descriptor := environ.get(VARIABLE)) is not None:
        follow(int(descriptor))


def follow(descriptor: int) -> None:
    """End this process by SIGTERM when nobody holds the other end of the pipe any more."""
    os.set_inheritable(descriptor, False)

    def wait_for_end() -> None:
        os.read(descriptor, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_end, name="workflowkit-lifeline", daemon=True).start()
