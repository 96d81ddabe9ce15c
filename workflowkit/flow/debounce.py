"""Debounce: one run with the last of several events, once none has come for a while.

A key has at most one open *window*. The first event opens it to last ``period_ms``; each further one makes it last
``period_ms`` from then, but never longer than ``timeout_ms`` after it was opened (without a timeout, a steady stream of
events may keep it open for ever). When it is over, the last event starts a run. Last is the event with the latest
``ts``; of equal ones, the one that came later. An event that is older than the last is in the window too; by the rule's
``older`` it makes the window last longer, or does not.

A window is over at ``fire_at_ms``, not when somebody gets to it: an event at that instant or later opens the next one,
and whoever brings it fires the old one first. So how late the scheduler is changes nothing about which events share a
run. In the store, firing and adding exclude each other by the window's row.
"""

from __future__ import annotations

from dataclasses import dataclass

from workflowkit.definition.settings.flow import Debounce, OlderEvents


@dataclass(frozen=True, slots=True)
class Window:
    """The row of a key: what to run, and when. ``events`` counts those that it stands for."""

    opened_at_ms: int
    fire_at_ms: int
    event_id: str
    event_ts_ms: int
    events: int = 1

    def is_over(self, now_ms: int) -> bool:
        return now_ms >= self.fire_at_ms


@dataclass(frozen=True, slots=True)
class Debounced:
    """The key's new window, which the event is in; and the one that was over and has to be fired first, if any."""

    window: Window
    fired: Window | None = None


def add(rule: Debounce, window: Window | None, *, event_id: str, event_ts_ms: int, now_ms: int) -> Debounced:
    """Return what becomes of the key's ``window`` with one more event, which arrives now."""
    if window is None or window.is_over(now_ms):
        opened = Window(now_ms, _fire_at_ms(rule, now_ms, now_ms), event_id, event_ts_ms)
        return Debounced(opened, fired=window)
    fire_at_ms = _fire_at_ms(rule, window.opened_at_ms, now_ms)
    if event_ts_ms < window.event_ts_ms:
        event_id, event_ts_ms = window.event_id, window.event_ts_ms
        fire_at_ms = window.fire_at_ms if rule.older is OlderEvents.IGNORE else fire_at_ms
    return Debounced(Window(window.opened_at_ms, fire_at_ms, event_id, event_ts_ms, window.events + 1))


def _fire_at_ms(rule: Debounce, opened_at_ms: int, now_ms: int) -> int:
    quiet_at_ms = now_ms + rule.period_ms
    return quiet_at_ms if rule.timeout_ms is None else min(quiet_at_ms, opened_at_ms + rule.timeout_ms)
