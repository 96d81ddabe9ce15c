"""Fairness: which of the waiting starts next. A description, in Python, of the order that SQL has to produce.

Tenants take turns; within a tenant its queues do (a queue is a workflow and the key of its limits); within a queue it
is the smallest score, that is the longest wait less priority, and then the order of arrival. A *lane* is a tenant or
one of its queues, and its *turn* the place where it stands in the line: a number taken when the first work came into
it and again whenever it was served, larger than every one taken before (a database's sequence, or the largest plus
one). So

    ORDER BY tenant_lane.turn, queue_lane.turn, score_ms, sequence

is round-robin. Work that came first into a lane waits for at most one start of each lane that stood in line before it,
however long their backlogs are; and a lane that keeps being emptied and filled cannot push ahead of one that waits.

The queues of a workflow that has priorities are one *line*. There the first of a queue goes ahead of the one whose turn
it is, if it has a longer head start and thereby a lower score. That is all that a priority does between queues: those
with the same one take turns, and what has waited for longer than a head start is passed by nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

#: A lane: ``(tenant,)`` or ``(tenant, queue)``.
Lane = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work that could start. ``sequence`` is the order of arrival and unique; ``score_ms`` is of ``flow.priority``.

    ``line`` is its workflow if that has priorities, and ``head_start_ms`` what the score has of one.
    """

    tenant: str
    queue: str
    score_ms: int
    sequence: int
    line: str | None = None
    head_start_ms: int = 0

    @property
    def lanes(self) -> tuple[Lane, Lane]:
        return (self.tenant,), (self.tenant, self.queue)


@dataclass(frozen=True, slots=True)
class Line:
    """The turns of all lanes that have work, and the last turn that was given out."""

    turns: Mapping[Lane, int] = field(default_factory=dict)
    last_turn: int = 0

    def joined_by(self, work: Waiting) -> Line:
        """Return the line after ``work`` arrived: those of its lanes that were empty go to the end."""
        return self._moved([lane for lane in work.lanes if lane not in self.turns])

    def served(self, work: Waiting, remaining: Iterable[Waiting]) -> Line:
        """Return the line after ``work`` started: its lanes go to the end, or out if nothing of them remains."""
        still = {lane for other in remaining for lane in other.lanes}
        gone = set(work.lanes) - still
        kept = Line({lane: turn for lane, turn in self.turns.items() if lane not in gone}, self.last_turn)
        return kept._moved([lane for lane in work.lanes if lane in still])

    def place(self, work: Waiting) -> tuple[int, int, int, int]:
        """Return what waiting work is ordered by. Raises ``KeyError`` if it has not joined."""
        tenant, queue = work.lanes
        return self.turns[tenant], self.turns[queue], work.score_ms, work.sequence

    def _moved(self, lanes: Iterable[Lane]) -> Line:
        turns, last_turn = dict(self.turns), self.last_turn
        for lane in lanes:
            last_turn += 1
            turns[lane] = last_turn
        return Line(turns, last_turn)


def _score(work: Waiting) -> tuple[int, int]:
    return work.score_ms, work.sequence


def _always(_: Waiting) -> bool:
    return True


def next_up(waiting: Iterable[Waiting], line: Line, may_start: Callable[[Waiting], bool] = _always) -> Waiting | None:
    """Return what starts next, or ``None``. Work that may not start (a limit is reached) holds up nothing else."""
    waiting = list(waiting)
    able = [work for work in waiting if may_start(work)]
    first = min(able, key=line.place, default=None)
    if first is None or first.line is None:
        return first
    heads: dict[Lane, Waiting] = {}
    for work in sorted(waiting, key=_score):
        heads.setdefault(work.lanes[1], work)
    ahead = (
        work for work in able
        if work.lanes[0] == first.lanes[0] and work.line == first.line and heads[work.lanes[1]] is work
        and work.head_start_ms > first.head_start_ms and _score(work) < _score(first)
    )  # fmt: skip
    return min(ahead, key=_score, default=first)


def drain(waiting: Iterable[Waiting], line: Line) -> Iterator[Waiting]:
    """Yield all of ``waiting``, which has joined ``line``, in the order in which it starts if nothing new comes."""
    left = set(waiting)
    while (work := next_up(left, line)) is not None:
        left.remove(work)
        line = line.served(work, left)
        yield work
