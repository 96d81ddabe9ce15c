"""Headers that a workflow may set on the answer to an HTTP request (``builtin:reply``): those of a list, no others.

Servers in front of ours obey headers of answers: ``X-Accel-Redirect`` and ``X-Sendfile`` make them send a file instead.
Nobody knows all of these names, so what is not known to be harmless is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REPLY_KIND = "builtin:reply"
#: For names of one's own. No server or browser gives a meaning to what begins so.
PREFIX = "X-Workflow-"
#: None that decides how a browser reads or keeps what else we serve, or what a server in front of us does.
SETTABLE = (
    "Cache-Control", "Content-Language", "ETag", "Expires", "Last-Modified", "Link", "Location", "Retry-After", "Vary",
    "X-Correlation-Id", "X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Total-Count",
)  # fmt: skip

_SETTABLE = frozenset(name.lower() for name in SETTABLE)
_OWN = re.compile(rf"{PREFIX.lower()}[a-z0-9-]{{1,64}}")
_MAX_VALUE_CHARS = 2_000


def name_problem(name: str) -> str | None:
    """Return why a reply may not have a header of this name; ``None`` if it may."""
    lowered = name.lower()
    # SAFETY: by what is allowed; a list of what is not would lack the header of the next proxy.
    if lowered in _SETTABLE or _OWN.fullmatch(lowered) is not None:
        return None
    return f"a reply cannot set the header {name!r}: name your own {PREFIX}..."


def header_problem(headers: Mapping[str, Any]) -> str | None:
    """Return why a reply may not have these headers; ``None`` if it may."""
    for name, value in headers.items():
        if (problem := name_problem(name)) is not None:
            return problem
        # SAFETY: a line break would begin a header, or a body, of somebody else's.
        if not isinstance(value, str) or len(value) > _MAX_VALUE_CHARS or not (value.isascii() and value.isprintable()):
            return f"header {name!r}: up to {_MAX_VALUE_CHARS} printable ASCII characters"
    return None
