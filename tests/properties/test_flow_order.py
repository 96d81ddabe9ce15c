"""Priority and fairness: nothing waits for ever, and nobody waits behind another's backlog (I23)."""

from __future__ import annotations

from collections import Counter
from random import Random

from fairness import Line, Waiting, drain, next_up
from hypothesis import given, settings
from hypothesis import strategies as st

from workflowkit.definition.settings.flow import DEFAULT_PRIORITY_SECONDS
from workflowkit.flow.priority import score_ms

MAX_PRIORITY_SECONDS = DEFAULT_PRIORITY_SECONDS
SECONDS = st.integers(-MAX_PRIORITY_SECONDS, MAX_PRIORITY_SECONDS)
QUEUED = st.tuples(st.integers(0, 4_000_000), SECONDS)
TENANTS, QUEUES = "AB", "12"
WORK = st.tuples(st.sampled_from(TENANTS), st.sampled_from(QUEUES), st.integers(-5, 5))
#: Work that arrives, or ``None``: something starts.
STORIES = st.lists(st.none() | WORK, max_size=60)


@given(QUEUED, QUEUED)
def test_a_run_passes_another_only_within_its_head_start(one: tuple[int, int], other: tuple[int, int]) -> None:
    older, newer = sorted([one, other])
    passes = score_ms(*newer) < score_ms(*older)
    assert passes == (newer[0] - older[0] < 1_000 * (newer[1] - older[1]))
    if newer[0] - older[0] >= 2 * MAX_PRIORITY_SECONDS * 1_000:
        assert not passes


@given(QUEUED, st.lists(QUEUED, max_size=50))
def test_what_waits_is_first_once_it_has_waited_for_the_highest_head_start(
    run: tuple[int, int], later: list[tuple[int, int]]
) -> None:
    bound_ms = 2 * MAX_PRIORITY_SECONDS * 1_000
    newcomers = [score_ms(run[0] + bound_ms + queued_at_ms, seconds) for queued_at_ms, seconds in later]
    assert all(score_ms(*run) <= score for score in newcomers)


def arrived(works: list[tuple[str, str, int]]) -> tuple[list[Waiting], Line]:
    found, line = [], Line()
    for sequence, (tenant, queue, score) in enumerate(works):
        found.append(Waiting(tenant, queue, score, sequence))
        line = line.joined_by(found[-1])
    return found, line


@given(st.lists(WORK, max_size=40))
def test_all_that_waits_starts_once_and_in_order_within_its_queue(works: list[tuple[str, str, int]]) -> None:
    waiting, line = arrived(works)
    order = list(drain(waiting, line))
    assert Counter(order) == Counter(waiting)
    for lane in {work.lanes[1] for work in waiting}:
        own = [work for work in order if work.lanes[1] == lane]
        assert own == sorted(own, key=lambda work: (work.score_ms, work.sequence))


@given(st.lists(WORK, max_size=40), st.randoms(use_true_random=False))
def test_the_order_depends_on_the_rows_only(works: list[tuple[str, str, int]], random: Random) -> None:
    waiting, line = arrived(works)
    shuffled = list(waiting)
    random.shuffle(shuffled)
    assert list(drain(shuffled, line)) == list(drain(waiting, line))


@given(st.lists(WORK, min_size=1, max_size=40), st.integers(0, 39))
def test_the_first_work_of_a_tenant_waits_for_one_start_of_each_other_tenant(
    works: list[tuple[str, str, int]], started: int
) -> None:
    """Tenant N comes while the others have backlogs of any length, in any state of their turns."""
    waiting, line = arrived(works)
    left = list(waiting)
    for work in list(drain(waiting, line))[:started]:
        left.remove(work)
        line = line.served(work, left)
    newcomer = Waiting("N", "1", 0, len(works))
    order = list(drain([*left, newcomer], line.joined_by(newcomer)))
    before = [work.tenant for work in order[: order.index(newcomer)]]
    assert all(count == 1 for count in Counter(before).values())


@settings(max_examples=300)
@given(STORIES, st.booleans())
def test_between_two_starts_of_a_lane_every_other_has_at_most_one(
    story: list[tuple[str, str, int] | None], of_queues: bool
) -> None:
    """Also while work keeps coming: a lane that waits is passed at most once by each other lane of its kind."""
    waiting: list[Waiting] = []
    line = Line()
    passed: dict[str, Counter[str]] = {}
    for sequence, event in enumerate([*story, *[None] * len(story)]):
        if event is not None:
            tenant, queue, score = event
            waiting.append(Waiting("A" if of_queues else tenant, tenant + queue, score, sequence))
            line = line.joined_by(waiting[-1])
        elif (work := next_up(waiting, line)) is not None:
            waiting.remove(work)
            line = line.served(work, waiting)
            served = work.queue if of_queues else work.tenant
            passed.pop(served, None)
            for lane in {each.queue if of_queues else each.tenant for each in waiting} - {served}:
                passed.setdefault(lane, Counter())[served] += 1
                assert passed[lane][served] <= 1
    assert not waiting
