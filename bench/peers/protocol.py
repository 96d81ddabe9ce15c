"""How the controller talks to a program in another virtual environment: one JSON object a line, on pipes.

Runs in every peer's environment, so it imports the standard library only.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from typing import Any


def serve(operations: Mapping[str, Callable[..., Any]]) -> None:
    """Answer requests until the controller closes the pipe; ``ready`` is always known.

    A request is ``{"op": name, ...arguments}``; the answer ``{"result": ...}`` or ``{"error": traceback}``.
    """
    # Whatever a library prints goes to the log, not between the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    known: dict[str, Callable[..., Any]] = {"ready": lambda: None, **operations}
    for line in sys.stdin:
        request = json.loads(line)
        operation = request.pop("op")
        try:
            answer = {"result": known[operation](**request)}
        except Exception:
            answer = {"error": traceback.format_exc()}
        print(json.dumps(answer), file=answers)
