"""``local://``: a kombu transport inside one process that wakes its consumer as soon as a message is put.

kombu's own ``memory://`` sleeps its polling interval, one second, whenever it finds nothing. This one waits on a
condition that every put and every acknowledgement notifies (an acknowledgement frees a prefetch slot, so it must wake
the consumer too). Messages die with the process, which does not matter: the database knows what is due.

The host of a URL names the broker: applications of one process that have databases of their own do not meet.
"""

from __future__ import annotations

import hashlib
import threading
import weakref
from dataclasses import dataclass, field
from queue import Empty, Queue
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, memory, virtual

from workflowkit.base import forks
from workflowkit.base.clock import monotonic_seconds

SCHEME = "local"
#: How long the consumer waits at most before it looks after its other duties.
MAX_WAIT_SECONDS = 1.0


@dataclass(eq=False)
class _Broker:
    """What the connections with one URL share: queues by name, and what is bound to what."""

    queues: dict[str, Queue[Any]] = field(default_factory=dict)
    state: virtual.BrokerState = field(default_factory=virtual.BrokerState)


#: By host. There for as long as somebody is connected.
_brokers: weakref.WeakValueDictionary[str, _Broker] = weakref.WeakValueDictionary()
_connecting = forks.lock()


class _Bell:
    """Counts what happened, so that nothing that happens between a look and a wait is missed."""

    def __init__(self) -> None:
        self._begin()
        forks.register(self._begin)

    def _begin(self) -> None:
        # In a child as well. What waits in the queues is the parent's, and so are the locks of the queues.
        _brokers.clear()
        self._condition = threading.Condition()
        self.rung = 0
        self.interrupted = 0

    def ring(self, *, interrupt: bool = False) -> None:
        with self._condition:
            self.rung += 1
            self.interrupted += interrupt
            self._condition.notify_all()

    def wait(self, seen: int, timeout_seconds: float) -> None:
        with self._condition:
            self._condition.wait_for(lambda: self.rung != seen, timeout_seconds)


class QoS(memory.Channel.QoS):  # type: ignore[misc,valid-type]  # kombu types it as a variable
    """Prefetch accounting that wakes the consumer when a slot is freed."""

    def ack(self, delivery_tag: Any) -> None:
        super().ack(delivery_tag)
        _bell.ring()

    def reject(self, delivery_tag: Any, requeue: bool = False) -> None:
        super().reject(delivery_tag, requeue)
        _bell.ring()


class Channel(memory.Channel):
    """Queues in memory, shared by all connections of the process to the same broker."""

    QoS = QoS

    def __init__(self, connection: Transport, **options: Any) -> None:
        self.queues = connection.broker.queues
        super().__init__(connection, **options)

    def _put(self, queue: str, message: Any, **options: Any) -> None:
        super()._put(queue, message, **options)
        _bell.ring()

    def _put_fanout(self, exchange: str, message: Any, routing_key: str | None = None, **options: Any) -> None:
        super()._put_fanout(exchange, message, routing_key, **options)
        _bell.ring()


class Transport(memory.Transport):
    """The transport behind ``local://``."""

    Channel = Channel

    cycle: Any

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        with _connecting:
            self.broker = _brokers.get(client.hostname) or _Broker()
            _brokers[client.hostname] = self.broker
        self.state = self.broker.state

    def drain_events(self, connection: Any, timeout: float | None = None, **_options: Any) -> None:
        """Deliver one message, waiting up to ``timeout`` seconds. Raises ``socket.timeout`` where none came."""
        interrupted = _bell.interrupted
        ends_at = None if timeout is None else monotonic_seconds() + timeout
        while True:
            seen = _bell.rung
            try:
                self.cycle.get(self._deliver, timeout=timeout)
                return
            except Empty:
                left = MAX_WAIT_SECONDS if ends_at is None else ends_at - monotonic_seconds()
            if left <= 0 or _bell.interrupted != interrupted:
                raise TimeoutError
            _bell.wait(seen, min(left, MAX_WAIT_SECONDS))


_bell = _Bell()


def interrupt() -> None:
    """Let consumers that wait for a message look after their other duties now: one that is to end does so at once."""
    _bell.ring(interrupt=True)


def url_of(*owner: str | None) -> str:
    """Return the URL of the broker in this process that belongs to ``owner``, and make ``local://`` known to kombu."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
    return f"{SCHEME}://{hashlib.sha256(repr(owner).encode()).hexdigest()[:32]}"
