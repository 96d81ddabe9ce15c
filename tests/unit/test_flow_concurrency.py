"""Which limits a run is under, and whether a step may start."""

from __future__ import annotations

import pytest

from workflowkit.base.scope import Scope
from workflowkit.definition.settings.flow import Concurrency, ConcurrencyMode
from workflowkit.definition.settings.flow import Scope as Sharing
from workflowkit.flow.concurrency import (
    NO_LIMIT,
    Ceiling,
    Owner,
    action_ceiling,
    action_heights,
    blocked_by,
    ceilings,
    heights,
    kind_ceiling,
    kind_heights,
    own_rule,
)
from workflowkit.flow.dequeue import Full, Go, TooEarly, dequeue
from workflowkit.flow.gcra import Rate
from workflowkit.flow.keys import NO_KEY, Key

STEPS, RUNS = ConcurrencyMode.STEPS, ConcurrencyMode.RUNS
MINE = Owner(Scope("prod", "acme"), "w1")
KEY = Key('"k"')
OTHERS = {
    "workflow": Owner(Scope("prod", "acme"), "w2"),
    "tenant": Owner(Scope("prod", "other"), "w1"),
    "environment": Owner(Scope("test", "acme"), "w1"),
}


def group(scope: Sharing, owner: Owner = MINE, key: Key = KEY, mode: ConcurrencyMode = STEPS) -> str:
    (only,) = ceilings([Concurrency(5, None, scope, mode)], [key], owner, mode)
    return only.group


@pytest.mark.parametrize(
    ("scope", "shared_with"),
    [
        (Sharing.WORKFLOW, set()),
        (Sharing.TENANT, {"workflow"}),
        (Sharing.ENVIRONMENT, {"workflow", "tenant"}),
        (Sharing.INSTALLATION, {"workflow", "tenant", "environment"}),
    ],
)
def test_a_scope_says_with_whom_slots_are_shared(scope: Sharing, shared_with: set[str]) -> None:
    assert {name for name, other in OTHERS.items() if group(scope, other) == group(scope)} == shared_with


def test_keys_scopes_and_modes_count_apart() -> None:
    groups = [
        group(scope, key=key, mode=mode) for scope in Sharing for key in (KEY, Key("1")) for mode in ConcurrencyMode
    ]
    assert len(set(groups)) == 16


def test_names_cannot_be_made_to_look_like_others() -> None:
    one, other = Owner(Scope("a", 'b","c'), "d"), Owner(Scope("a", "b"), 'c","d')
    assert group(Sharing.WORKFLOW, one) != group(Sharing.WORKFLOW, other)


def test_a_mode_has_its_own_limits_and_zero_is_none() -> None:
    limits = [Concurrency(0), Concurrency(3), Concurrency(1, mode=RUNS)]
    assert [each.limit for each in ceilings(limits, [KEY] * 3, MINE, STEPS)] == [3]
    assert [each.limit for each in ceilings(limits, [KEY] * 3, MINE, RUNS)] == [1]


def test_of_two_limits_on_one_group_the_lower_counts() -> None:
    for limits in ([5, 2], [2, 5]):
        (only,) = ceilings([Concurrency(limit) for limit in limits], [NO_KEY] * 2, MINE, STEPS)
        assert only.limit == 2


def test_a_limit_has_the_same_name_however_high_it_is_and_whoever_s_run_it_is() -> None:
    for before, after in (([Concurrency(1)], [Concurrency(5)]), ([Concurrency(5, "k")], [Concurrency(1, "k")])):
        (old,) = ceilings(before, [KEY], MINE, STEPS)
        (new,) = ceilings(after, [KEY], MINE, STEPS)
        assert old.rule == new.rule
        assert heights(before, after, MINE) == {new.rule: new.limit}
    of_app = [Owner(Scope("e", tenant), "app/function") for tenant in ("a", "b", "*")]
    assert len({ceilings([Concurrency(1)], [KEY], owner, STEPS)[0].rule for owner in of_app}) == 1
    limits = [
        Concurrency(1), Concurrency(1, "k"), Concurrency(1, mode=RUNS), Concurrency(1, None, Sharing.TENANT),
    ]  # fmt: skip
    owners = [MINE, *OTHERS.values()]
    names = {ceilings([limit], [KEY], owner, limit.mode)[0].rule for limit in limits for owner in owners}
    assert len(names) == len(limits) * len(owners)


def test_a_limit_that_is_gone_is_none_unless_another_takes_its_place() -> None:
    before = [Concurrency(1), Concurrency(2, mode=RUNS)]
    (steps,), (runs,) = (ceilings(before, [KEY] * 2, MINE, mode) for mode in (STEPS, RUNS))
    assert heights(before, [], MINE) == {steps.rule: NO_LIMIT, runs.rule: NO_LIMIT}
    only_runs = [Concurrency(0), Concurrency(2, mode=RUNS)]
    assert heights(before, only_runs, MINE) == {steps.rule: NO_LIMIT, runs.rule: 2}
    assert heights(only_runs, only_runs, MINE) == {runs.rule: 2}
    keyed = [Concurrency(1, "k"), Concurrency(2, mode=RUNS)]
    assert steps.rule not in heights(before, keyed, MINE)
    assert len(heights(before, keyed, MINE)) == 2


def test_two_limits_that_meet_in_a_group_have_a_name_of_their_own_and_the_lower_one_counts() -> None:
    def limits(a: int, b: int) -> list[Concurrency]:
        return [each for each in (Concurrency(a, "a"), Concurrency(b, "b")) if each.limit]

    (both,) = ceilings(limits(1, 2), [KEY] * 2, MINE, STEPS)
    apart = ceilings(limits(1, 2), [KEY, Key('"other"')], MINE, STEPS)
    assert both.limit == 1
    assert {each.limit for each in apart} == {1, 2}
    assert len({both.rule, *(each.rule for each in apart)}) == 3
    assert ceilings(limits(2, 1)[::-1], [KEY] * 2, MINE, STEPS) == (both,)
    for after, height in (((6, 2), 2), ((6, 1), 1), ((6, 9), 6), ((0, 9), 9), ((6, 0), 6), ((0, 0), NO_LIMIT)):
        assert heights(limits(1, 2), limits(*after), MINE)[str(both.rule)] == height
    assert heights([], limits(1, 2), MINE)[str(both.rule)] == 1
    # Those of different scopes never meet.
    assert len(heights([], [Concurrency(1, "a"), Concurrency(1, "a", Sharing.TENANT)], MINE)) == 2


def test_the_limit_of_an_action_changes_with_the_version() -> None:
    rule = action_ceiling(5, MINE, "each/mail").rule
    assert rule == action_ceiling(1, MINE, "each/mail").rule != action_ceiling(5, MINE, "mail").rule
    assert action_heights({"each/mail": 5}, {"each/mail": 1}, MINE) == {rule: 1}
    assert action_heights({"each/mail": 5}, {"each/mail": 5}, MINE) == {rule: 5}
    assert action_heights({"each/mail": 5}, {"each/mail": 0}, MINE) == {rule: NO_LIMIT}
    assert action_heights({}, {"each/mail": 5, "mail": 0}, MINE) == {rule: 5}
    # Nobody knows how many steps of an action may execute that is no more: as many as before.
    assert action_heights({"each/mail": 5}, {}, MINE) == {}


@pytest.mark.parametrize("scope", [Sharing.TENANT, Sharing.ENVIRONMENT, Sharing.INSTALLATION])
def test_the_limit_of_a_kind_is_one_for_all_tenants(scope: Sharing) -> None:
    limit = Concurrency(3, None, scope)
    own, other = (kind_ceiling(limit, each, "mail") for each in (MINE.scope, OTHERS["tenant"].scope))
    assert own_rule(own.group) == own.rule == other.rule == own_rule(other.group)
    assert kind_heights({"mail": limit}, "prod") == ({own.rule: 3}, {})
    present, absent = kind_heights({"mail": None}, "prod")
    assert not present
    assert absent[own.rule or ""] == NO_LIMIT
    assert own.rule not in kind_heights({"post": None}, "prod")[1]
    assert (own.rule in kind_heights({"mail": None}, "test")[1]) is (scope is Sharing.INSTALLATION)


def test_ceilings_come_in_the_order_of_locking() -> None:
    limits, keys = [Concurrency(1, None, scope) for scope in Sharing], [KEY] * 4
    groups = [each.group for each in ceilings(limits, keys, MINE, STEPS)]
    assert groups == sorted(groups)
    assert groups == [each.group for each in ceilings(limits[::-1], keys, MINE, STEPS)]


def test_any_full_group_blocks() -> None:
    a, b = Ceiling("a", 2), Ceiling("b", 1)
    assert blocked_by([a, b], {}) == ()
    assert blocked_by([a, b], {"a": 1, "c": 9}) == ()
    assert blocked_by([a, b], {"a": 2}) == (a,)
    assert blocked_by([a, b], {"a": 3, "b": 1}) == (a, b)


def test_each_workflow_sees_its_own_ceiling_over_a_shared_count() -> None:
    low = ceilings([Concurrency(5, None, Sharing.TENANT)], [KEY], MINE, STEPS)
    high = ceilings([Concurrency(50, None, Sharing.TENANT)], [KEY], OTHERS["workflow"], STEPS)
    held = {low[0].group: 20}
    assert blocked_by(low, held)
    assert not blocked_by(high, held)


def test_an_action_has_slots_of_its_own_in_its_workflow() -> None:
    ceiling = action_ceiling(2, MINE, "send")
    assert ceiling.limit == 2
    others = [action_ceiling(2, MINE, "load"), *(action_ceiling(2, other, "send") for other in OTHERS.values())]
    assert ceiling.group not in {other.group for other in others}


@pytest.mark.parametrize(
    ("scope", "shared_with"),
    [
        (Sharing.TENANT, {"workflow"}),
        (Sharing.ENVIRONMENT, {"workflow", "tenant"}),
        (Sharing.INSTALLATION, {"workflow", "tenant", "environment"}),
    ],
)
def test_a_kind_of_action_has_slots_of_its_own_in_all_workflows_of_its_scope(
    scope: Sharing, shared_with: set[str]
) -> None:
    rule = Concurrency(3, None, scope)
    own = kind_ceiling(rule, MINE.scope, "mail")
    assert own.limit == 3
    assert {
        name for name, other in OTHERS.items() if kind_ceiling(rule, other.scope, "mail").group == own.group
    } == shared_with
    # Neither another kind, nor a limit of the same scope, nor an action of that name is meant.
    others = {kind_ceiling(rule, MINE.scope, "call").group, group(scope), action_ceiling(3, MINE, "mail").group}
    assert own.group not in others


RATE = Rate(1, 1_000)


@pytest.mark.parametrize(
    ("throttle", "row", "held", "expected"),
    [
        (None, None, {}, Go(None)),
        (None, None, {"a": 1}, Full((Ceiling("a", 1),))),
        (RATE, None, {}, Go(51_000_000)),
        (RATE, 50_001_000, {}, TooEarly(50_001)),
        (RATE, 50_001_000, {"a": 1}, TooEarly(50_001)),
        # No slot: the throttle's row stays as it is.
        (RATE, None, {"a": 1}, Full((Ceiling("a", 1),))),
    ],
)
def test_a_step_starts_if_throttle_and_limits_agree(
    throttle: Rate | None, row: int | None, held: dict[str, int], expected: Go | TooEarly | Full
) -> None:
    assert dequeue(throttle, row, [Ceiling("a", 1)], held, now_ms=50_000) == expected
