"""The relay: finds what is due and was not hinted lately, and hints it. It alone makes the system live.

Every worker and scheduler runs one; any number may run, without a leader. It covers lost hints, retries whose time has
come, events whose sender died before hinting them, and steps whose worker fell silent.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable

from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.settings import DEFAULT_QUEUE
from workflowkit.runtime.hints import Dispatcher, StepHint, place_hint
from workflowkit.runtime.overtaking import Overtaking
from workflowkit.runtime.presence import Presence
from workflowkit.runtime.pruning import Pruning
from workflowkit.runtime.timers import Timers
from workflowkit.store import due, events, flowstates, lanes, steps
from workflowkit.store.database import Database
from workflowkit.store.transactions import Transaction

_log = logging.getLogger(__name__)

#: Most rows of each kind that one tick hints.
RELAY_BATCH = 500
#: Messages in a queue beyond which repeating hints would only make it longer.
QUEUE_ROOM = 1_000
#: How soon it is looked whether what was hinted in a lane has started, so that the next start is known; then twice as
#: late each time.
SETTLING_SECONDS = 0.02
#: A clock that is so much behind what it said before was set back.
SET_BACK_MS = 1_000


class Relay:
    """Hints what is due, once per tick."""

    def __init__(
        self, database: Database, dispatcher: Dispatcher, timers: Timers | None = None, *, grace_seconds: float
    ) -> None:
        self._database = database
        self._dispatcher = dispatcher
        self._timers = timers
        self._grace_ms = int(grace_seconds * 1000)
        #: After what time to look again at lanes that were hinted; none, if that was looked at often enough.
        self._settling_seconds: float | None = None
        #: What the clock said at the last tick; before the first one it may have been set back as well.
        self._ticked_at_ms: float = math.inf

    def tick(self) -> int:
        """Hint everything that is due, and fire timers; return how much that was. Any number of processes may.

        What flow control no longer needs is deleted: lanes in which nothing waits, states that have expired.
        """
        has_timers, has_others = self._look()
        fired = 0
        if has_timers and self._timers is not None:
            fired = self._timers.fire_due()
            _, has_others = self._look()
        if not has_others:
            return fired
        with self._database.transaction("relay") as tx:
            wake_at_ms = tx.now_ms + self._grace_ms
            if self._was_set_back(tx):
                lanes.release(tx)
            self._ticked_at_ms = tx.now_ms
            event_ids = events.wake_pending(tx, limit=RELAY_BATCH, wake_at_ms=wake_at_ms)
            hints = [StepHint(*row) for row in steps.wake(tx, limit=RELAY_BATCH, wake_at_ms=wake_at_ms)]
            woken = lanes.wake(tx, limit=RELAY_BATCH)
            places = [place_hint(*row) for row in dict.fromkeys(lanes.ready(tx, woken))]
            idle = lanes.empty(tx, woken)
            flowstates.purge(tx)
        if idle:
            with self._database.transaction("relay") as tx:
                lanes.close_all(tx, idle)
        if places:
            hints += places
            self._settling_seconds = SETTLING_SECONDS
        # Behind a long queue nothing is lost, only late: more messages would not make it shorter.
        if event_ids and self._has_room(DEFAULT_QUEUE):
            self._dispatcher.match(event_ids)
        with_room = {queue for queue in {hint.queue for hint in hints} if self._has_room(queue)}
        if sent := [hint for hint in hints if hint.queue in with_room]:
            self._dispatcher.execute(sent)
        return fired + len(event_ids) + len(hints)

    def pause_seconds(self, most_seconds: float) -> float:
        """Return how long nothing new is to be expected: until a throttle lets a run start, or ``most_seconds``."""
        with self._database.read() as tx:
            next_ms, now_ms = lanes.next_start_ms(tx, within_ms=int(most_seconds * 1000)), tx.now_ms
        if next_ms is not None:
            return (next_ms - now_ms) / 1000
        settling, self._settling_seconds = self._settling_seconds, None
        if settling is None or settling >= most_seconds:
            return most_seconds
        self._settling_seconds = 2 * settling
        return settling

    def _has_room(self, queue: str) -> bool:
        return self._dispatcher.queued(queue) < QUEUE_ROOM

    def _look(self) -> tuple[bool, bool]:
        """Tell whether timers are due, and anything else. On SQLite an idle relay must not take the write lock."""
        with self._database.read() as tx:
            found = due.look(tx)
            if self._was_set_back(tx) and found.is_any_held:
                return found.has_timers, True
            self._ticked_at_ms = tx.now_ms
            return found.has_timers, found.has_others

    def _was_set_back(self, tx: Transaction) -> bool:
        return tx.now_ms < self._ticked_at_ms - SET_BACK_MS


class RelayThread:
    """Ticks a relay at an interval, or earlier if it says so, until stopped. A failing tick is logged and repeated.

    ``wait`` returns when it can begin.

    With a ``presence``, it also lets others know that this process is there; with ``pruning``, it deletes what is old;
    with ``overtaking``, it matches what waits behind other tenants' events.
    """

    def __init__(
        self,
        relay: Relay,
        *,
        interval_seconds: float,
        presence: Presence | None = None,
        pruning: Pruning | None = None,
        overtaking: Overtaking | None = None,
        wait: Callable[[threading.Event], None] | None = None,
    ) -> None:
        self._relay = relay
        self._wait = wait
        self._pruning = pruning
        self._overtaking = overtaking
        self._presence = presence
        self._interval_seconds = interval_seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="workflowkit-relay", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        self._stop.set()
        self._thread.join()
        if self._presence is not None:
            self._presence.leave()

    def _run(self) -> None:
        if self._wait is not None:
            self._wait(self._stop)
        pause_seconds = self._interval_seconds
        while not self._stop.wait(pause_seconds):
            pause_seconds = self._interval_seconds
            try:
                # SAFETY: I15 — each by itself: what one cannot do must not keep the others from being done.
                self._do(self._relay.tick)
                if self._overtaking is not None:
                    self._do(self._overtaking.look)
                if self._presence is not None:
                    self._do(self._presence.tell)
                if self._pruning is not None:
                    self._do(self._pruning.tick)
                pause_seconds = self._relay.pause_seconds(self._interval_seconds)
            except StoreUnavailable as error:
                _log.warning("relay: %s", error)
            except Exception:
                _log.exception("relay: it is not known when to tick next")

    def _do(self, part: Callable[[], object]) -> None:
        try:
            part()
        except StoreUnavailable:
            raise
        except Exception:
            _log.exception("relay: a tick failed")
