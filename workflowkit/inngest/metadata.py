"""What apps say about runs and steps beside their results: scores, and metadata of any kind, kept in the run's log."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from logging import INFO
from typing import Any, Protocol

from workflowkit.base.errors import InvalidInput, LimitExceeded, Problem
from workflowkit.base.jsonvalue import check_json, dumps
from workflowkit.base.limits import Limits
from workflowkit.engine.memo import step_key
from workflowkit.inngest.parts import Stored
from workflowkit.inngest.replies import read_operation
from workflowkit.inngest.state import RunState
from workflowkit.runtime.logs import Logs

_KIND_CHARS = 128


class Parts(Stored, Protocol):
    """What this takes from a composed runtime."""

    @property
    def logs(self) -> Logs: ...


@dataclass(frozen=True, slots=True)
class Metadata:
    """The metadata of runs of apps. ``parts`` is asked for with each request."""

    parts: Callable[[], Parts]

    def note(self, run_id: str, payload: Any) -> None:
        """Keep what is said of a run, or of one of its steps.

        Raises ``NotFound``, ``InvalidInput`` and ``LimitExceeded``.
        """
        fields = payload if isinstance(payload, dict) else {}
        target = fields.get("target")
        step = target.get("step_id") if isinstance(target, dict) else None
        lines = [*_lines(fields.get("metadata"), self.parts().settings.limits)]
        if not lines:
            raise InvalidInput([Problem("/metadata", "required", "a list of what is said")])
        self._keep(run_id, [(step if isinstance(step, str) and step else None, line) for line in lines])

    def note_steps(self, run_id: str, payload: Any) -> None:
        """Keep what is said of steps in a report of them. What cannot be kept is left out: the steps are recorded."""
        entries = payload.get("steps") if isinstance(payload, dict) else None
        found: list[tuple[str | None, str]] = []
        for entry in entries if isinstance(entries, list) else ():
            operation = read_operation(entry)
            if operation is None or not entry.get("metadata"):
                continue
            try:
                lines = [*_lines(entry["metadata"], self.parts().settings.limits)]
            except (InvalidInput, LimitExceeded):
                continue
            found += [(operation.display_name, line) for line in lines]
        if found:
            self._keep(run_id, found)

    def _keep(self, run_id: str, lines: list[tuple[str | None, str]]) -> None:
        parts = self.parts()
        state = RunState(parts.database, parts.settings.environment, parts.settings.limits)
        scope, node_id = state.place(run_id)
        if parts.logs.wants(INFO):
            for step, line in lines:
                parts.logs.add(scope, run_id, node_id if step is None else step_key(node_id, step), 1, INFO, line)
            parts.logs.flush()


def _lines(entries: Any, limits: Limits) -> Iterator[str]:
    """Yield a line for each thing that is said: its kind, and the values."""
    for index, each in enumerate(entries if isinstance(entries, list) else ()):
        kind, values = (each.get("kind"), each.get("values")) if isinstance(each, dict) else (None, None)
        if not isinstance(kind, str) or not 0 < len(kind) <= _KIND_CHARS or not isinstance(values, dict):
            raise InvalidInput([Problem(f"/metadata/{index}", "invalid-type", "a kind, and an object of values")])
        check_json(values, max_depth=limits.json_depth, max_bytes=limits.log_line_chars)
        yield f"metadata {kind}: {dumps(values)}"
