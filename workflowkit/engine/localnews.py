"""What somebody who watches a run in memory is told while it goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice

from workflowkit.definition.model import SOURCE
from workflowkit.engine.facts import FactKind
from workflowkit.engine.planner import Decision
from workflowkit.engine.progress import Progress
from workflowkit.engine.states import EdgeState, StepStatus


@dataclass(frozen=True, slots=True)
class LocalNews:
    """What has changed: where steps are now, and how edges were decided, each by id."""

    steps: Mapping[str, StepStatus]
    edges: Mapping[str, EdgeState]

    def and_then(self, later: LocalNews) -> LocalNews:
        """Return what has changed by both."""
        return LocalNews({**self.steps, **later.steps}, {**self.edges, **later.edges})


OnNews = Callable[[LocalNews], None]


class Teller:
    """Tells of one run what is new; nobody, if there is nobody to tell."""

    def __init__(self, on_news: OnNews | None) -> None:
        self._on_news = on_news
        self._told_edges = 0

    def running(self, node_id: str) -> None:
        """An attempt at a step begins."""
        if self._on_news is not None:
            self._on_news(LocalNews({node_id: StepStatus.RUNNING}, {}))

    def followed(self, decision: Decision, progress: Progress, attempted: str | None = None) -> None:
        """Something was decided, after an attempt at a step; it waits if nothing was decided about it."""
        if self._on_news is None:
            return
        steps = {} if attempted is None else {attempted: StepStatus.WAITING}
        for fact in decision.facts:
            if fact.kind is FactKind.RETRY:
                steps[fact.step] = StepStatus.READY
            elif fact.step != SOURCE and fact.kind.is_final:
                steps[fact.step] = StepStatus(fact.kind.value)
        steps |= dict.fromkeys(decision.ready, StepStatus.READY)
        # Decided once, in this order: what was told before stands at the beginning.
        edges = dict(islice(progress.edges.items(), self._told_edges, None))
        self._told_edges += len(edges)
        if steps or edges:
            self._on_news(LocalNews(steps, edges))
