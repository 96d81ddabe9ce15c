"""What starts a workflow or a function, written in Python. A value that exists is valid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Event:
    """Every event called ``name``, or like the pattern ``name`` (``shop/*``), for which the expression ``if_`` holds.

    Raises ``DefinitionError`` as publishing a document with this trigger would.
    """

    name: str
    if_: str | None = None

    def __post_init__(self) -> None:
        _check(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return the trigger as a document has it."""
        return {"event": self.name} | ({} if self.if_ is None else {"if": self.if_})


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule: ``cron`` in five fields, meant in ``timezone`` (UTC unless ``cron`` begins with ``TZ=Area/City``).

    ``jitter`` puts each firing off by up to so long, from ``"1s"`` to ``"5m"``. ``overlap`` is what becomes of a firing
    while the run of the last one goes on, ``catch_up`` which missed firings are made up for: none, the last, or as many
    of the newest. It fires on the days from ``starts_on`` to ``ends_on``, both included, but not on ``skip_dates``,
    such as holidays: dates in its own time zone, or text such as ``"2026-12-24"``. Raises ``DefinitionError`` as
    publishing a document with this trigger would.
    """

    cron: str
    timezone: str | None = None
    jitter: str | float | None = None
    overlap: Literal["allow", "skip", "queue"] = "allow"
    catch_up: Literal["none", "last"] | int = "none"
    starts_on: str | date | None = None
    ends_on: str | date | None = None
    skip_dates: Sequence[str | date] = ()

    def __post_init__(self) -> None:
        _check(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return the trigger as a document has it."""
        catch_up = self.catch_up if isinstance(self.catch_up, str) else {"all": self.catch_up}
        written = {
            "cron": self.cron, "timezone": self.timezone, "jitter": self.jitter,
            "overlap": None if self.overlap == "allow" else self.overlap,
            "catch_up": None if catch_up == "none" else catch_up,
            "starts_on": None if self.starts_on is None else str(self.starts_on),
            "ends_on": None if self.ends_on is None else str(self.ends_on),
            "skip_dates": list(map(str, self.skip_dates)) or None,
        }  # fmt: skip
        return {key: value for key, value in written.items() if value is not None}


def _check(trigger: Mapping[str, Any]) -> None:
    from workflowkit.definition import parse_triggers  # 0.1 s that an import of this package need not take

    parse_triggers([trigger])
