"""How far one run has come: the fold of its facts over its workflow.

``Progress`` answers what the planner asks of a run's history: which steps are settled, how each edge was decided, what
later steps may read, and how the run ended. It decides nothing itself and reads no clock; every change goes through
``record`` with a fact, so a progress that was replayed from the journal equals the one that wrote it.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

from workflowkit.definition.model import SOURCE, JoinMode, Json, Node, Workflow
from workflowkit.definition.references import EVENTS_ROOT, MISSING, ReferenceScope
from workflowkit.engine.facts import KEPT, UNDONE, ErrorInfo, Fact, FactKind
from workflowkit.engine.result import Finish as Finish
from workflowkit.engine.result import completion
from workflowkit.engine.states import EdgeState, RunStatus, StepStatus
from workflowkit.engine.surroundings import NO_SURROUNDINGS, Surroundings

_STATUS_OF = {
    FactKind.COMPLETED: StepStatus.COMPLETED,
    FactKind.FAILED: StepStatus.FAILED,
    FactKind.SKIPPED: StepStatus.SKIPPED,
    FactKind.CANCELLED: StepStatus.CANCELLED,
}
_UNEXPLAINED = ErrorInfo("Error", "the failure was recorded without an error")


class Progress:
    """The state of one run of ``workflow``.

    ``status`` has an entry for every step that was reached: ``ready`` from the moment its incoming edges allow it until
    a final fact settles it. Whether a worker is at it right now is the step row's business, not the planner's.
    ``outputs`` has those of completed steps and of failures that ``on_error`` handled; ``state`` has them and, in a
    part of a document, what can be seen of the graphs around it. ``kept`` are the steps whose results are those of an
    earlier run, ``undone`` those whose actions have something that undoes them. ``edges`` is by edge id. Treat all as
    read-only.
    """

    __slots__ = (
        "_cancelled",
        "_moved",
        "_stop",
        "_taken",
        "_unsettled",
        "edges",
        "event",
        "failures",
        "handled_failures",
        "kept",
        "outputs",
        "roots",
        "state",
        "status",
        "undone",
        "unfinished_count",
        "workflow",
    )

    def __init__(self, workflow: Workflow, event: Json, around: Surroundings = NO_SURROUNDINGS) -> None:
        self.workflow = workflow
        self.event = event
        self.status: dict[str, StepStatus] = {}
        self.outputs: dict[str, Json] = {}
        self.state = _one_over_the_other(self.outputs, around.state)
        self.roots = around.roots
        if workflow.settings.flow.batch is not None and EVENTS_ROOT not in self.roots:
            self.roots = {**self.roots, EVENTS_ROOT: [event]}  # it was no batch: the event runs alone
        self.edges: dict[str, EdgeState] = {}
        self.failures: dict[str, ErrorInfo] = {}
        self.handled_failures: dict[str, ErrorInfo] = {}
        self.kept: set[str] = set()
        self.undone: set[str] = set()
        self.unfinished_count = len(workflow.nodes)
        # Counters instead of scans: settling a step costs its outgoing edges, however large the workflow is. An entry
        # appears when the first incoming edge is settled, so a fresh progress costs nothing per node.
        self._unsettled: dict[str, int] = {}
        self._taken: dict[str, int] = {}
        self._stop: Fact | None = None
        self._cancelled = False
        self._moved: Mapping[str, EdgeState] = {}

    @classmethod
    def replay(
        cls, workflow: Workflow, event: Json, facts: Iterable[Fact], around: Surroundings = NO_SURROUNDINGS
    ) -> Progress:
        """Return the progress that wrote ``facts``."""
        progress = cls(workflow, event, around)
        facts = list(facts)
        progress._moved = _last_move(facts)
        progress.absorb(facts)
        return progress

    def absorb_moved(self, moved: Fact, facts: Iterable[Fact]) -> list[str]:
        """Take in the facts of a run that ``moved`` moves to this workflow; return the nodes that are reached by that.

        Those are nodes without a final fact all of whose incoming edges are settled.
        """
        self._moved = moved.edges or {}
        reached = [node_id for fact in facts for node_id in self.record(fact)]
        return [node_id for node_id in reached if node_id not in self.status]

    def absorb(self, facts: Iterable[Fact]) -> None:
        """Take in what other workers recorded. Facts that are known already change nothing.

        Steps that became ready by them are marked so: whoever recorded the facts has inserted those steps. All facts of
        one transaction must come in one call, in any order.
        """
        reached = [node_id for fact in facts for node_id in self.record(fact)]
        for node_id in reached:
            if node_id not in self.status and self.join_holds(node_id):
                self.mark_ready(node_id)

    def record(self, fact: Fact) -> list[str]:
        """Apply one final fact; return the nodes whose last open incoming edge it settled.

        A fact that settles no node of the workflow (an attempt, a retry, a repeat of what is known) changes nothing.
        """
        if not fact.kind.is_final or fact.step not in self.workflow.outgoing or self.is_settled(fact.step):
            return []  # SAFETY: I2 I12 — the first final fact of a step stands
        self.status[fact.step] = _STATUS_OF[fact.kind]
        if fact.step != SOURCE:
            self.unfinished_count -= 1
            self._keep_result(fact)
        if fact.kind is FactKind.CANCELLED:
            self._cancelled = True
            return []
        return self._settle_edges(fact)

    def scope(self, output: Json = MISSING) -> ReferenceScope:
        """Return what references see now; on an edge, ``output`` is what its source returned."""
        return ReferenceScope(self.event, self.state, output, self.roots)

    def is_settled(self, node_id: str) -> bool:
        status = self.status.get(node_id)
        return status is not None and status.is_terminal

    def mark_ready(self, node_id: str) -> None:
        self.status[node_id] = StepStatus.READY

    def join_holds(self, node_id: str) -> bool:
        """Tell whether enough incoming edges of a node are taken, once all of them are settled."""
        return self._taken.get(node_id, 0) >= self._needed(self.workflow.nodes[node_id])

    @property
    def finish(self) -> Finish | None:
        """How the run ended, ``None`` while steps are unfinished. Costs O(nodes), and only once the run has ended."""
        if self.unfinished_count:
            return None
        if self._cancelled and self._stop is None:
            return Finish(RunStatus.CANCELLED)
        if self.failures:
            # SAFETY: I9 — the first in rank, not in time: the answer does not depend on who was faster.
            first = min(self.failures, key=lambda node_id: self.workflow.nodes[node_id].rank)
            return Finish(RunStatus.FAILED, error=self.failures[first])
        reached = self._sink_outputs() if self._stop is None else self._stop.output
        return completion(self.workflow, self.scope(), reached, is_stopped=self._stop is not None)

    def _keep_result(self, fact: Fact) -> None:
        if fact.reason == KEPT:
            self.kept.add(fact.step)
        elif fact.detail is not None and UNDONE in fact.detail:
            self.undone.add(fact.step)
        if fact.kind is FactKind.COMPLETED:
            self.outputs[fact.step] = fact.output
            if fact.stop:
                self._stop = fact
        elif fact.kind is FactKind.FAILED:
            error = fact.error or _UNEXPLAINED
            if fact.handled:
                self.outputs[fact.step] = fact.output
                self.handled_failures[fact.step] = error
            else:
                self.failures[fact.step] = error

    def _settle_edges(self, fact: Fact) -> list[str]:
        recorded = fact.edges or {}
        reached = []
        for edge in self.workflow.outgoing[fact.step]:
            # SAFETY: I8 — the recorded decision counts; a condition is never evaluated a second time.
            state = self._moved.get(edge.id) or recorded.get(edge.id, EdgeState.DEAD)
            self.edges[edge.id] = state
            target = edge.target
            if state is EdgeState.TAKEN:
                self._taken[target] = self._taken.get(target, 0) + 1
            left = self._unsettled.get(target, len(self.workflow.incoming[target])) - 1
            self._unsettled[target] = left
            if not left:
                reached.append(target)
        return reached

    def _needed(self, node: Node) -> int:
        if node.join is JoinMode.ALL:
            return len(self.workflow.incoming[node.id])
        return node.join_count if node.join is JoinMode.N_OF else 1

    def _sink_outputs(self) -> dict[str, Json]:
        """Return the outputs of the steps where the run came to an end, by node id in rank order."""
        outgoing, outputs = self.workflow.outgoing, self.outputs
        return {
            node_id: outputs[node_id] for node_id in self.workflow.nodes if not outgoing[node_id] and node_id in outputs
        }


def _last_move(facts: Sequence[Fact]) -> Mapping[str, EdgeState]:
    """Return how the edges of steps that had ended stand in the version that a run was moved to last, if it was."""
    moves = [fact.edges or {} for fact in facts if fact.kind is FactKind.MOVED]
    return moves[-1] if moves else {}


def _one_over_the_other(outputs: dict[str, Json], around: Mapping[str, Json]) -> Mapping[str, Json]:
    return ChainMap(cast(dict[str, Json], around), outputs) if around else outputs  # read only
