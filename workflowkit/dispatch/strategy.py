"""How a Celery worker takes a hint from its queue to a thread: the short way.

Celery's default strategy keeps a request object per task, for results, retries, revocation, ETA and events. A hint has
none of these, and keeping the books costs more than the hint: a third of a worker's time on a burst of short runs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

_log = logging.getLogger(__name__)


def take_hint(task: Any, app: Any, consumer: Any, **_options: Any) -> Callable[..., None]:
    """Return the message handler of a task: Celery's protocol for ``Task.Strategy``."""
    pool, run, errors = consumer.pool, task.run, consumer.connection_errors

    def on_message(message: Any, body: Any, ack: Any, reject: Any, callbacks: Sequence[Any], **_: Any) -> None:
        pool.apply_async(_follow, (run, message, partial(ack, _log, errors)))

    return on_message


def _follow(run: Callable[..., None], message: Any, ack: Callable[[], None]) -> None:
    """Follow a hint on a thread of the pool. Acknowledged as it starts: until then it counts as prefetched."""
    ack()
    try:
        # SAFETY: S19 — decoding refuses every content type but JSON.
        arguments, _keywords, _embedded = message.decode()
        run(*arguments)
    except Exception:
        # The relay repeats the hint if there is anything in it.
        _log.exception("a hint could not be followed")
