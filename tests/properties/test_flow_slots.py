"""Singleton and concurrency: never more at once than allowed, and every run accounted for (I18, I20)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from workflowkit.base.scope import Scope
from workflowkit.definition.settings.flow import Concurrency, ConcurrencyMode, SingletonMode
from workflowkit.definition.settings.flow import Scope as Sharing
from workflowkit.flow.concurrency import Ceiling, Owner, blocked_by, ceilings
from workflowkit.flow.keys import Key
from workflowkit.flow.singleton import Lock, enter, leave

#: A run comes (in some mode), or ``None``: the one that runs ends.
STORIES = st.lists(st.none() | st.sampled_from(SingletonMode), max_size=40)
NAMES = st.sampled_from(["a", "b", '","', '"a"'])
OWNERS = st.builds(Owner, st.builds(Scope, NAMES, NAMES), NAMES)
#: A limit, and the key that an event has for it.
Keyed = tuple[Concurrency, Key]
LIMITS = st.tuples(
    st.builds(
        Concurrency,
        limit=st.integers(0, 3),
        key=st.none(),
        scope=st.sampled_from(Sharing),
        mode=st.sampled_from(ConcurrencyMode),
    ),
    st.builds(Key, NAMES),
)


def under_limits(limits: list[Keyed], owner: Owner, mode: ConcurrencyMode) -> tuple[Ceiling, ...]:
    return ceilings([limit for limit, _ in limits], [key for _, key in limits], owner, mode)


@dataclass
class Runs:
    """What a runtime does with the answers: the ledger of every run that ever came."""

    lock: Lock | None = None
    running: set[str] = field(default_factory=set)
    ended: Counter[str] = field(default_factory=Counter)

    def come(self, mode: SingletonMode, run_id: str) -> None:
        entry = enter(mode, self.lock, run_id)
        assert enter(mode, entry.lock, run_id).lock == entry.lock
        self.lock = entry.lock
        if entry.cancelled:
            self.running.remove(entry.cancelled)
            self.ended[entry.cancelled] += 1
            assert leave(self.lock, entry.cancelled) == self.lock
        if entry.superseded:
            self.ended[entry.superseded] += 1
        if run_id == self.lock.holder:
            self.running.add(run_id)
        elif run_id != self.lock.next_up:
            self.ended[run_id] += 1

    def finish(self) -> None:
        if self.lock is None:
            return
        ended = self.lock.holder
        self.running.remove(ended)
        self.ended[ended] += 1
        self.lock = leave(self.lock, ended)
        if self.lock:
            self.running.add(self.lock.holder)


@given(STORIES)
def test_one_run_of_a_singleton_runs_and_each_ends_once(story: list[SingletonMode | None]) -> None:
    runs = Runs()
    for number, mode in enumerate(story):
        if mode is None:
            runs.finish()
        else:
            runs.come(mode, str(number))
        assert runs.running == ({runs.lock.holder} if runs.lock else set())
    runs.finish()
    runs.finish()
    assert runs.lock is None
    assert runs.ended == Counter(str(number) for number, mode in enumerate(story) if mode)


@given(STORIES, st.sampled_from([SingletonMode.CANCEL, SingletonMode.QUEUE_LATEST]))
def test_the_last_event_always_wins_unless_it_is_skipped(
    story: list[SingletonMode | None], mode: SingletonMode
) -> None:
    runs = Runs()
    for number, other in enumerate(story):
        if other is None:
            runs.finish()
        else:
            runs.come(other, str(number))
    runs.come(mode, "last")
    if mode is SingletonMode.QUEUE_LATEST and "last" not in runs.running:
        runs.finish()
    assert runs.running == {"last"}


@given(
    st.lists(st.tuples(OWNERS, st.lists(LIMITS, max_size=2)), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60),
)
def test_no_group_ever_holds_more_slots_than_its_lowest_ceiling_let_in(
    workflows: list[tuple[Owner, list[Keyed]]], story: list[tuple[int, bool]]
) -> None:
    held: Counter[str] = Counter()
    taken: list[tuple[Ceiling, ...]] = []
    for number, starts in story:
        owner, limits = workflows[number % len(workflows)]
        under = under_limits(limits, owner, ConcurrencyMode.STEPS)
        if not starts and taken:
            held.subtract(ceiling.group for ceiling in taken.pop(0))
        elif starts and not blocked_by(under, held):
            held.update(ceiling.group for ceiling in under)
            taken.append(under)
            assert all(held[ceiling.group] <= ceiling.limit for ceiling in under)
    for under in taken:
        held.subtract(ceiling.group for ceiling in under)
    assert not any(held.values())


@given(OWNERS, LIMITS, OWNERS, LIMITS)
def test_two_limits_share_a_group_exactly_if_scope_owner_key_and_mode_agree(
    owner: Owner, limit: Keyed, other_owner: Owner, other_limit: Keyed
) -> None:
    def identity(owner: Owner, limit: Keyed) -> tuple[object, ...]:
        names = (owner.scope.environment, owner.scope.tenant, owner.workflow_id)
        depth = [Sharing.INSTALLATION, Sharing.ENVIRONMENT, Sharing.TENANT, Sharing.WORKFLOW]
        rule, key = limit
        return rule.mode, rule.scope, names[: depth.index(rule.scope)], key

    groups = [
        {ceiling.group for mode in ConcurrencyMode for ceiling in under_limits([limit], owner, mode)}
        for owner, limit in ((owner, limit), (other_owner, other_limit))
    ]
    if limit[0].limit and other_limit[0].limit:
        assert (groups[0] == groups[1]) == (identity(owner, limit) == identity(other_owner, other_limit))
    else:
        assert set() in groups
