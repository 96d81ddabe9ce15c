"""Looking for runs: by what they are, by what their events and outputs say; with some of those values to show.

However large the tables are, one request looks through a bounded number of runs, newest first, and tells how far it has
come: the next one goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import ExpressionError, LimitExceeded
from workflowkit.base.ids import time_of
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.base.sealing import is_sealed
from workflowkit.definition.cel import Path
from workflowkit.definition.model import Json
from workflowkit.definition.runsearch import RunSearch, parse_column, parse_search, value_at
from workflowkit.store import queries, runsearch
from workflowkit.store.database import Database
from workflowkit.store.queries import RunView
from workflowkit.store.runsearch import Candidate, RunChoice
from workflowkit.store.transactions import Reading

#: Runs that one statement looks through, and those that it returns at most.
WINDOW, BATCH = 10_000, 500
#: Of events and outputs, what is in memory at a time; one that is larger is read alone.
BATCH_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look for, and what to show of it.

    ``where`` has one condition per line (``definition.runsearch``), and the text ``contains`` stands in a value of the
    event or the output. ``columns`` are paths such as ``event.data.order_id``.
    """

    choice: RunChoice = field(default_factory=RunChoice)
    where: str | None = None
    columns: Sequence[str] = ()
    contains: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The runs, newest first, and how far was looked.

    ``values`` has a map of columns to values for each run, or ``None`` for runs that are too large to look into.
    ``next_id`` is behind which run to go on, ``None`` if there is no further one. ``looked_through`` counts runs;
    ``back_to_ms`` is the time of the last one. It ``is_stopped`` if a limit ended it before the page was full;
    ``hint`` then says what would let less be looked through. On ``unreadable`` runs the expression cannot be evaluated.
    ``names`` are those of the runs' workflows, by id, as far as they are there.
    """

    runs: list[RunView]
    values: dict[str, dict[str, Json] | None]
    next_id: str | None
    looked_through: int
    back_to_ms: int | None
    is_stopped: bool
    unreadable: int
    hint: str | None
    names: dict[str, str]


class Searching:
    """Looks for runs of tenants. Values that are encrypted are not looked into: there they count as null."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database.view(None)
        self._limits = limits

    def find(self, scope: Scope, wanted: Wanted, *, limit: int, before: str | None = None) -> Found:
        """Return up to ``limit`` runs, those behind the run with the id ``before``.

        Raises ``InvalidInput`` with the place in an expression, ``LimitExceeded`` for too many columns.
        """
        where, contains, limits = wanted.where, wanted.contains, self._limits
        search = None
        if where is not None or contains is not None:
            search = parse_search(where, contains, limits=limits, pointer="/query")
        columns = self._columns(wanted.columns)
        with self._database.read() as tx:
            look = _Look(tx, scope, wanted.choice, search, limits, limit)
            look.go(before)
            found = queries.find_runs_by_id(tx, scope, [each.id for each in look.found])
            values = look.values(columns, limits.column_chars)
            names = queries.workflow_names(tx, scope, [each.workflow_id for each in found])
        return Found(
            found, values, look.next_id, look.looked_through, look.back_to_ms, look.is_stopped, look.unreadable,
            _hint(look, wanted.choice), names,
        )  # fmt: skip

    def _columns(self, texts: Sequence[str]) -> dict[str, Path]:
        if len(texts) > self._limits.list_columns:
            raise LimitExceeded("list_columns", self._limits.list_columns, len(texts), pointer="/query/column")
        return {text: parse_column(text, limits=self._limits, pointer="/query/column") for text in texts}


class _Look:
    """One search: what it has found, and how far it has come."""

    def __init__(
        self, tx: Reading, scope: Scope, choice: RunChoice, search: RunSearch | None, limits: Limits, limit: int
    ) -> None:
        self._tx, self._scope, self._choice, self._search = tx, scope, choice, search
        self._limits, self._limit = limits, limit
        self._evaluations_left, self._bytes_left = limits.evaluated_runs, limits.searched_bytes
        self._ends_at = monotonic_seconds() + limits.search_seconds
        self.found: list[Candidate] = []
        self.next_id: str | None = None
        self.unreadable = 0
        # Runs of the windows that are done with, and of the present one; and the last of them.
        self._passed = self._place = 0
        self._last_id: str | None = None

    @property
    def looked_through(self) -> int:
        return self._passed + self._place

    @property
    def back_to_ms(self) -> int | None:
        # No later than now: the ids of runs that apps begin by themselves have times that the apps have chosen.
        return None if self._last_id is None else min(time_of(self._last_id), self._tx.now_ms)

    @property
    def is_stopped(self) -> bool:
        """Whether a limit ended the search, and not the page or the runs."""
        return self.next_id is not None and len(self.found) < self._limit

    def go(self, before: str | None) -> None:
        """Look until the page is full, there is nothing more, or a limit is reached.

        One run more than the page has tells whether there is a next one.
        """
        while True:
            window, most = self._next_sizes()
            seen = runsearch.candidates(self._tx, self._scope, self._choice, before=before, window=window, limit=most)
            if not self._take(seen):
                return
            is_cut = len(seen) == most
            if not is_cut:
                passed, last = runsearch.window_end(self._tx, self._scope, self._choice, before=before, window=window)
                self._place, self._last_id = passed, last or self._last_id
            self._passed, self._place = self._passed + self._place, 0
            if not is_cut and passed < window:
                return
            before = self._last_id
            if self._is_over():
                self.next_id = before
                return

    def values(self, columns: Mapping[str, Path], most_chars: int) -> dict[str, dict[str, Json] | None]:
        """Return what the columns show of the runs that were found."""
        if not columns:
            return {}
        names = {path.steps[0] for path in columns.values()}
        sizes = runsearch.admitted_events(self._tx, self._scope, [each.event_id for each in self.found], None)
        shown: dict[str, dict[str, Json] | None] = {each.id: None for each in self.found}
        bytes_left = self._limits.searched_bytes
        for part, size in _parts(self.found, sizes):
            bytes_left -= size
            if bytes_left < 0:
                break
            for run, known in self._read(part, reads_event="event" in names, reads_output="output" in names):
                shown[run.id] = {text: _short(value_at(path, known), most_chars) for text, path in columns.items()}
        return shown

    def _next_sizes(self) -> tuple[int, int]:
        """Return through how many runs the next statement looks, and how many it returns at most."""
        window = min(WINDOW, self._limits.searched_runs - self.looked_through)
        if self._search is None:
            return window, self._limit + 1 - len(self.found)
        return window, min(BATCH, self._evaluations_left)

    def _take(self, seen: Sequence[Candidate]) -> bool:
        """Keep those of the candidates that the search admits; tell whether to go on."""
        search = self._search
        if search is None:
            self.found += seen
            self._reach(seen)
            return not self._is_full()
        self._evaluations_left -= len(seen)
        kept: Sequence[Candidate] = seen
        sizes: dict[str, int] = {}
        if search.reads_event:
            ids = [each.event_id for each in seen]
            sizes = runsearch.admitted_events(self._tx, self._scope, ids, search)
            kept = [each for each in seen if each.event_id in sizes]
        for part, size in _parts(kept, sizes, with_outputs=search.reads_output):
            likely = part if search.clue is None else self._mentioning(part, search.clue)
            self.found += [run for run, known in self._read_for(likely, search) if self._holds(search, known)]
            self._bytes_left -= size
            self._reach(part)
            if self._is_full():
                return False
            if self._is_spent():
                self.next_id = part[-1].id
                return False
        self._reach(seen)
        return True

    def _mentioning(self, part: Sequence[Candidate], clue: str) -> list[Candidate]:
        mentioning = runsearch.mentioning(self._tx, self._scope, [each.id for each in part], clue)
        return [each for each in part if each.id in mentioning]

    def _reach(self, looked_at: Sequence[Candidate]) -> None:
        """Note how far the search has come."""
        if looked_at:
            self._place, self._last_id = looked_at[-1].place, looked_at[-1].id

    def _is_full(self) -> bool:
        """Tell whether there is a page, and more; cut what is more off."""
        if len(self.found) <= self._limit:
            return False
        self.found = self.found[: self._limit]
        self.next_id = self.found[-1].id
        return True

    def _is_over(self) -> bool:
        """Tell whether a limit ends the search."""
        runs_left = min(self._evaluations_left, self._limits.searched_runs - self.looked_through)
        return runs_left <= 0 or self._is_spent()

    def _is_spent(self) -> bool:
        """Tell whether it has taken as much time, or read as much, as it may."""
        return self._bytes_left <= 0 or (self._search is not None and monotonic_seconds() > self._ends_at)

    def _read_for(self, part: Sequence[Candidate], search: RunSearch) -> Iterator[tuple[Candidate, dict[str, Json]]]:
        return self._read(part, reads_event=search.reads_event, reads_output=search.reads_output)

    def _read(
        self, part: Sequence[Candidate], *, reads_event: bool, reads_output: bool
    ) -> Iterator[tuple[Candidate, dict[str, Json]]]:
        """Yield each run with what can be said of it."""
        events, outputs = {}, {}
        if reads_event:
            events = runsearch.find_events(self._tx, self._scope, [each.event_id for each in part])
        if reads_output:
            outputs = runsearch.find_outputs(self._tx, self._scope, [each.id for each in part])
        for each in part:
            event = events.get(each.event_id)
            yield each, {"event": None if event is None else _hidden(event), "output": _open(outputs.get(each.id))}

    def _holds(self, search: RunSearch, known: Mapping[str, Json]) -> bool:
        try:
            return search.matches(known)
        except ExpressionError:
            self.unreadable += 1
            return False


def _parts(
    runs: Sequence[Candidate], event_bytes: Mapping[str, int], *, with_outputs: bool = True
) -> Iterator[tuple[list[Candidate], int]]:
    """Yield the runs in parts, with sizes, whose events and outputs can be in memory together."""
    part: list[Candidate] = []
    total = 0
    for each in runs:
        size = event_bytes.get(each.event_id, 0) + (each.output_bytes if with_outputs else 0)
        if part and total + size > BATCH_BYTES:
            yield part, total
            part, total = [], 0
        part.append(each)
        total += size
    if part:
        yield part, total


def _hidden(event: Mapping[str, Any]) -> dict[str, Json]:
    """Return an event without what is encrypted in its data."""
    data = event["data"]
    return {**event, "data": {name: _open(value) for name, value in data.items()}}


def _open(value: Json) -> Json:
    return None if is_sealed(value) else value


def _short(value: Json, most_chars: int) -> Json:
    """Return a value to show: a text that is too long, a list and an object become text that is cut off."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = value if isinstance(value, str) else jsonvalue.dumps(value)
    return text if len(text) <= most_chars else text[: most_chars - 1] + "…"


def _hint(look: _Look, choice: RunChoice) -> str | None:
    """Return what would let less be looked through, of a search that a limit has ended."""
    is_narrow = choice.workflow_id is not None or choice.event_id is not None or choice.parent_run_id is not None
    if not look.is_stopped or is_narrow:
        return None
    return "Say which workflow, or before which time, to look through fewer runs."
