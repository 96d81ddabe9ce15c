"""Time zones by their IANA names, as authors write them."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workflowkit.base.errors import UnknownTimezone

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_+\-]{0,31}(/[A-Za-z0-9_+\-]{1,31}){0,2}")
#: Files of a zone database that are no zones, or another one on each machine.
_NO_ZONES = re.compile(r"localtime|posixrules|Factory|(posix|right)/.*")


def load_zone(name: str) -> ZoneInfo:
    """Return the zone called ``name``, such as ``Europe/Berlin``. Raises ``UnknownTimezone``."""
    # The name becomes a path below the zone database, so its form is checked before anything looks for it.
    if _NAME.fullmatch(name) and not _NO_ZONES.fullmatch(name):
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    raise UnknownTimezone(f"there is no time zone {name[:100]!r}; names are like Europe/Berlin")
