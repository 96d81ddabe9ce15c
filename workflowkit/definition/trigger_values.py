"""What starts a workflow or a function, written in Python. A value that exists is valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
    of the newest. Raises ``DefinitionError`` as publishing a document with this trigger would.
    """

    cron: str
    timezone: str | None = None
    jitter: str | float | None = None
    overlap: Literal["allow", "skip", "queue"] = "allow"
    catch_up: Literal["none", "last"] | int = "none"

    def __post_init__(self) -> None:
        _check(self.as_dict())

    def as_dict(self) -> dict[str, Any]:
        """Return the trigger as a document has it."""
        catch_up = self.catch_up if isinstance(self.catch_up, str) else {"all": self.catch_up}
        written = {
            "cron": self.cron, "timezone": self.timezone, "jitter": self.jitter,
            "overlap": None if self.overlap == "allow" else self.overlap,
            "catch_up": None if catch_up == "none" else catch_up,
        }  # fmt: skip
        return {key: value for key, value in written.items() if value is not None}


def _check(trigger: Mapping[str, Any]) -> None:
    from workflowkit.definition import parse_triggers  # 0.1 s that an import of this package need not take

    parse_triggers([trigger])
