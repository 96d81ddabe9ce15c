"""What the earlier attempts of a handler have settled: the facts under its node's key.

A handler that opens steps (``ctx.step``) is entered again after each wait, and finds there what its steps came to, so
that none is executed twice. Keys are ``<node id>/<step id>`` (W12): nothing another node does can be mistaken for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from workflowkit.base.errors import CodeChanged
from workflowkit.engine.facts import UNDONE, Fact, FactKind
from workflowkit.engine.outcome import Failed, Outcome
from workflowkit.engine.waits import Wait

#: Stands between a node's id, which cannot contain it, and the id of a step that its handler opened.
STEP_SEPARATOR = "/"

#: The kind of a step that executes something, beside the kinds of waits.
RUN_STEP = "step"
#: The kind of a step that makes a URL.
CALLBACK_STEP = "create_callback"

#: The code of an attempt whose worker does not have the action.
UNKNOWN_ACTION = "unknown-action"
#: Failures of attempts by workers that do not have the code for a run: they say nothing of the run itself.
NOT_HERE = frozenset({UNKNOWN_ACTION, CodeChanged.code})


def step_key(node_id: str, step_id: str) -> str:
    """Return the key of a step that the handler of a node opened."""
    return node_id + STEP_SEPARATOR + step_id


def step_id_of(key: str) -> str:
    """Return the id of a step that a handler opened: the other half of ``step_key``."""
    return key.partition(STEP_SEPARATOR)[2]


@dataclass(slots=True)
class Memo:
    """The steps of one handler, by key.

    ``free_attempts`` are the attempts of the node that are not held against its budget of retries: those that ended
    waiting, and those before its last step that succeeded. ``free_losses`` are the lost ones among them. ``unknown``
    are the attempts after those whose worker did not know the action: nothing was attempted.
    """

    results: dict[str, Fact] = field(default_factory=dict)
    open: dict[str, Wait] = field(default_factory=dict)
    retries: dict[str, Fact] = field(default_factory=dict)
    free_attempts: int = 0
    free_losses: int = 0
    attempt: int = 0
    losses: int = 0
    unknown: int = 0

    @property
    def is_empty(self) -> bool:
        return not (self.results or self.open or self.retries or self.free_attempts)

    @property
    def undone(self) -> list[str]:
        """The keys of the steps that have something that undoes them, in the order in which they completed."""
        return [key for key, fact in self.results.items() if fact.detail is not None and UNDONE in fact.detail]

    def clear(self) -> None:
        """Forget everything."""
        self.results.clear()
        self.open.clear()
        self.retries.clear()
        self.free_attempts = self.free_losses = self.attempt = self.losses = self.unknown = 0

    def free_before(self, outcome: Outcome) -> int:
        """Return how many attempts are not held against the budget of retries that an outcome of the node meets.

        Those whose worker did not have the code count among themselves only: they come to an end, and cost nothing.
        """
        is_unknown = isinstance(outcome, Failed) and outcome.error.code in NOT_HERE
        return self.free_attempts if is_unknown else self.free_attempts + self.unknown

    def next_due_ms(self) -> int | None:
        """Return when the earliest of the open waits and retries is due."""
        dues = [wait.until_ms for wait in self.open.values()]
        dues += [fact.retry_at_ms for fact in self.retries.values() if fact.retry_at_ms is not None]
        return min(dues, default=None)

    def absorb(self, fact: Fact) -> None:
        """Take in a fact of the node itself, or of a step under it."""
        if STEP_SEPARATOR in fact.step:
            self._absorb_step(fact)
        elif fact.kind is FactKind.ATTEMPT:
            self.attempt = fact.attempt
        elif fact.kind is FactKind.LOST:
            self.losses += 1
        elif fact.kind is FactKind.SUSPENDED:
            self._free(fact.attempt)
        elif fact.kind is FactKind.RETRY and fact.error is not None and fact.error.code in NOT_HERE:
            self.unknown += 1

    def _absorb_step(self, fact: Fact) -> None:
        key = fact.step
        if fact.kind.is_final:
            if key in self.results:
                return  # SAFETY: I2 — the first result of a step stands
            self.results[key] = fact
            was_open = self.open.pop(key, None) is not None
            self.retries.pop(key, None)
            if fact.kind is FactKind.COMPLETED and not was_open:
                self._free(self.attempt - 1)
        elif fact.kind is FactKind.RETRY:
            self.retries[key] = fact
        elif fact.kind is FactKind.OPENED and fact.detail is not None and key not in self.results:
            self.open[key] = Wait.from_detail(key, fact.detail)

    def _free(self, attempts: int) -> None:
        self.free_attempts, self.free_losses = max(self.free_attempts, attempts), self.losses
        self.unknown = 0


class Memos:
    """The memos of a run, by node id."""

    __slots__ = ("_by_node",)

    def __init__(self, facts: Iterable[Fact] = ()) -> None:
        self._by_node: dict[str, Memo] = {}
        self.absorb(facts)

    def absorb(self, facts: Iterable[Fact]) -> None:
        """Take in facts in the order in which they were decided. Facts that are known already change nothing."""
        for fact in facts:
            kind = fact.kind
            if STEP_SEPARATOR in fact.step or kind in _OF_NODES:
                self.of(fact.step.partition(STEP_SEPARATOR)[0]).absorb(fact)

    def replay(self, facts: Iterable[Fact]) -> None:
        """Start anew from all facts of the run. Memos that were handed out stay in use."""
        for memo in self._by_node.values():
            memo.clear()
        self.absorb(facts)

    def of(self, node_id: str) -> Memo:
        """Return the memo of a node; an empty one if its handler never opened a step."""
        memo = self._by_node.get(node_id)
        if memo is None:
            memo = self._by_node[node_id] = Memo()
        return memo

    @property
    def open_waits(self) -> Iterator[Wait]:
        """The waits of all handlers that have not ended."""
        return (wait for memo in self._by_node.values() for wait in memo.open.values())

    @property
    def undone(self) -> frozenset[str]:
        """The nodes whose handlers have steps that something undoes."""
        return frozenset(node_id for node_id, memo in self._by_node.items() if memo.undone)

    @property
    def has_waits(self) -> bool:
        """Whether any handler of the run waits for something."""
        return any(memo.open for memo in self._by_node.values())


_OF_NODES = frozenset({FactKind.ATTEMPT, FactKind.LOST, FactKind.SUSPENDED, FactKind.RETRY})
