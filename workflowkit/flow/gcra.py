"""Throttle and rate limit: how many starts a key may have, by the generic cell rate algorithm (GCRA).

Starts are spaced evenly, one every ``period / limit``, and ``burst`` of them may come at once. In any window of one
period there are at most ``limit + burst - 1`` starts. A throttle lets what comes too early wait for ``next_at_ms``; a
rate limit drops it.

All that is stored of a key is its *theoretical arrival time*: when the next start would come if all came evenly. It is
in microseconds, because a period is rarely a multiple of its limit; the clock is in milliseconds. A key without a row,
and one whose time is past, mean the same, so such rows may be deleted.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.definition.settings.flow import RateLimit, Throttle

_US_PER_MS = 1_000
#: A row is so much further ahead than a rate brings it because the clocks of two processes differ; more than that, and
#: it is of another rate, or of a clock that was set back since.
CLOCKS_APART_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Rate:
    """``limit`` starts per ``period_ms``, of which ``burst`` (1 or more) may come at once."""

    limit: int
    period_ms: int
    burst: int = 1

    @classmethod
    def of(cls, setting: Throttle | RateLimit) -> Rate:
        return cls(setting.limit, setting.period_ms, setting.burst)

    @property
    def interval_us(self) -> int:
        """Microseconds from one start to the next; rounded up, so that rounding never admits one too many."""
        return -(-self.period_ms * _US_PER_MS // self.limit)


#: The rate of what was under a throttle that is gone: as many as there may be.
UNLIMITED = Rate(1_000, 1)


@dataclass(frozen=True, slots=True)
class Taken:
    """How many starts were admitted, the key's new theoretical arrival time, and when one more may come.

    ``next_at_ms`` is in the past or the present if one more may start at once.
    """

    count: int
    arrival_us: int
    next_at_ms: int


def take(rate: Rate, arrival_us: int | None, *, now_ms: int, wanted: int = 1) -> Taken:
    """Admit as many of ``wanted`` starts as may come now; ``arrival_us`` is the key's row.

    To take several at once gives the same as to take them one by one. A row that is further ahead than this rate could
    have brought it (the limit was raised since, or the clock set back) does not count for more than that: one start is
    admitted at once, since a refusal stores nothing by which the next look would know of this one, and the others
    follow at this rate.
    """
    interval_us, now_us = rate.interval_us, now_ms * _US_PER_MS
    # Whatever falls into the present millisecond is due, so that more than 1,000 starts a second are possible.
    now_end_us = now_us + _US_PER_MS - 1
    ahead_us = (rate.burst - 1) * interval_us
    arrival_us = max(arrival_us or 0, now_us)
    if arrival_us > now_end_us + ahead_us + interval_us + CLOCKS_APART_US:
        arrival_us = now_end_us + ahead_us
    free = (now_end_us + ahead_us - arrival_us) // interval_us + 1
    count = max(0, min(wanted, free))
    arrival_us += count * interval_us
    return Taken(count, arrival_us, (arrival_us - ahead_us) // _US_PER_MS)
