"""A consumer that is back soon after the broker is: Celery's own waits longer each time, up to half a minute."""

from __future__ import annotations

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

#: How long after a failed attempt the next one begins.
RECONNECT_SECONDS = 2


class Consumer(CeleryConsumer):
    """Celery's consumer; named by the setting ``worker_consumer``."""

    def ensure_connected(self, conn: Any) -> Any:
        """Return the connection once there is one."""
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=RECONNECT_SECONDS, interval_step=0, interval_max=RECONNECT_SECONDS
        )
        return super().ensure_connected(conn)
