"""In which order waiting work starts."""

from __future__ import annotations

from fairness import Line, Waiting, drain, next_up


def waiting(*names: str) -> tuple[list[Waiting], Line]:
    """Return work that arrived in this order, named by tenant and queue as in ``A/1``, and the line it joined."""
    found, line = [], Line()
    for sequence, name in enumerate(names):
        tenant, queue = name.split("/")
        found.append(Waiting(tenant, queue, score_ms=sequence, sequence=sequence))
        line = line.joined_by(found[-1])
    return found, line


def drained(*names: str) -> list[str]:
    work, line = waiting(*names)
    return [f"{each.tenant}{each.queue}-{each.sequence}" for each in drain(work, line)]


def test_tenants_take_turns() -> None:
    assert drained("A/1", "A/1", "A/1", "B/1", "C/1", "B/1") == ["A1-0", "B1-3", "C1-4", "A1-1", "B1-5", "A1-2"]


def test_queues_of_a_tenant_take_turns() -> None:
    assert drained("A/1", "A/1", "A/2", "B/1", "A/3", "A/2") == ["A1-0", "B1-3", "A2-2", "A3-4", "A1-1", "A2-5"]


def test_in_a_queue_the_smallest_score_is_first_and_then_the_first_to_come() -> None:
    late, early, same = (
        Waiting("A", "1", score_ms=5, sequence=0),
        Waiting("A", "1", score_ms=-5, sequence=1),
        Waiting("A", "1", score_ms=5, sequence=2),
    )
    assert list(drain([same, late, early], Line().joined_by(late))) == [early, late, same]


def _line(*works: tuple[str, int, int]) -> tuple[list[Waiting], Line]:
    """Return work of one workflow, that came at these seconds, by its queue and its head start."""
    found, line = [], Line()
    for sequence, (queue, at, head_start) in enumerate(works):
        score_ms = 1_000 * (at - head_start)
        found.append(Waiting("A", queue, score_ms, sequence, line="w", head_start_ms=1_000 * head_start))
        line = line.joined_by(found[-1])
    return found, line


def test_a_head_start_goes_ahead_of_other_queues_of_its_workflow_that_came_within_it() -> None:
    work, line = _line(("1", 0, 0), ("2", 10, 0), ("3", 11, 0), ("1", 0, 0), ("gold", 70, 60))
    # What came at second 10 has waited for as long as the head start is.
    assert [each.queue for each in drain(work, line)] == ["1", "2", "gold", "3", "1"]


def test_those_with_the_same_head_start_take_turns() -> None:
    work, line = _line(*[("1", at, 60) for at in range(3)], ("2", 3, 60))
    assert [each.queue for each in drain(work, line)] == ["1", "2", "1", "1"]


def test_a_queue_goes_ahead_for_its_first_work_only() -> None:
    work, line = _line(("1", 20, 0), ("2", 0, 0), ("2", 70, 60), ("3", 20, -60), ("4", 30, 0))
    assert [each.sequence for each in drain(work, line)] == [0, 1, 2, 4, 3]


def test_a_score_moves_nothing_ahead_of_another_queue() -> None:
    ordinary, urgent = Waiting("A", "1", score_ms=0, sequence=0), Waiting("A", "2", score_ms=-600_000, sequence=1)
    line = Line().joined_by(ordinary).joined_by(urgent)
    assert next_up([urgent, ordinary], line) == ordinary


def test_one_run_of_a_tenant_is_behind_one_and_not_behind_ten_thousand() -> None:
    work, line = waiting(*["A/1"] * 10_000)
    line = line.served(work[0], work[1:])
    newcomer = Waiting("B", "1", score_ms=10_000, sequence=10_000)
    line = line.joined_by(newcomer)
    left = [*work[1:], newcomer]
    first = next_up(left, line)
    assert first == work[1]
    left.remove(work[1])
    assert next_up(left, line.served(work[1], left)) == newcomer


def test_work_under_a_full_limit_holds_up_nothing_else() -> None:
    work, line = waiting("A/full", "A/full", "A/free", "B/full")
    assert next_up(work, line, lambda each: each.queue == "free") == work[2]
    assert next_up(work, line, lambda _: False) is None
    assert next_up([], line) is None


def test_a_lane_that_ran_empty_joins_at_the_end_again() -> None:
    (a, b), line = waiting("A/1", "B/1")
    line = line.served(a, [b])
    assert ("A",) not in line.turns
    again = Waiting("A", "1", score_ms=-1, sequence=2)
    assert next_up([again, b], line.joined_by(again)) == b
