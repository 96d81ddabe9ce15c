"""Notices between processes, by Redis pub/sub. They are not stored, and may get lost.

What is to be told is gathered for a moment and sent by a background thread. While nobody listens, which Redis says of
each message, little is sent: a listener that has just come looks by itself until then.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from typing import Any

from workflowkit.base import forks, jsonvalue
from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import InvalidInput, LimitExceeded
from workflowkit.runtime.notices import Listener, LocalNotices

_log = logging.getLogger(__name__)

#: What listeners subscribe to.
TOPIC = "workflowkit.notices"
#: How long notices are gathered before they are sent.
GATHER_SECONDS = 0.02
#: How long nothing is sent after nobody listened, or Redis failed.
UNHEARD_SECONDS, BREAKER_SECONDS = 0.5, 2.0
#: Channels that one message names at most, and that may wait; what is more is dropped.
CHANNELS_PER_MESSAGE, MAX_WAITING = 500, 10_000
_TIMEOUT_SECONDS = 2.0
_MOST_BYTES = 1024 * 1024


class RedisNotices:
    """The ``Notices`` of a process. Its threads begin when they are first needed, in a forked child anew."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._own = LocalNotices()
        self._begin_anew()
        forks.register(self._begin_anew)

    def _begin_anew(self) -> None:
        self._waiting: set[str] = set()
        self._condition = threading.Condition()
        self._stopping = threading.Event()
        self._sender: threading.Thread | None = None
        self._receiver: threading.Thread | None = None
        self._silent_until = float("-inf")

    def tell(self, channels: Iterable[str]) -> None:
        """Tell this process at once, and the others soon."""
        self._own.tell(channels)
        if self._receiver is None and self._own.is_heard:
            self._receive_soon()  # in a child of a process that listened
        if monotonic_seconds() < self._silent_until or self._stopping.is_set():
            return
        with self._condition:
            if len(self._waiting) < MAX_WAITING:
                self._waiting.update(channels)
            if self._sender is None:
                self._sender = self._begin(self._send_all, "workflowkit-notices")
            self._condition.notify()

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with what any process tells."""
        self._own.listen(listener)
        self._receive_soon()

    def _receive_soon(self) -> None:
        with self._condition:
            if self._receiver is None and not self._stopping.is_set():
                self._receiver = self._begin(self._receive_all, "workflowkit-notices-in")

    def close(self) -> None:
        """End the threads; what was not sent is dropped."""
        self._stopping.set()
        with self._condition:
            self._condition.notify()
        for thread in (self._sender, self._receiver):
            if thread is not None:
                thread.join()
        self._own.close()

    def _begin(self, target: Any, name: str) -> threading.Thread:
        thread = threading.Thread(target=target, name=name, daemon=True)
        thread.start()
        return thread

    def _connect(self) -> Any:
        with forks.undivided:
            import redis

        timeouts = {"socket_timeout": _TIMEOUT_SECONDS, "socket_connect_timeout": _TIMEOUT_SECONDS}
        return redis.Redis.from_url(self._url, **timeouts, health_check_interval=30)

    # --- sending

    def _send_all(self) -> None:
        client = self._connect()
        while not self._stopping.is_set():
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._stopping.is_set())
            self._stopping.wait(GATHER_SECONDS)
            with self._condition:
                channels, self._waiting = sorted(self._waiting), set()
            self._send(client, channels)
        client.close()

    def _send(self, client: Any, channels: list[str]) -> None:
        try:
            heard = 0
            for start in range(0, len(channels), CHANNELS_PER_MESSAGE):
                part = channels[start : start + CHANNELS_PER_MESSAGE]
                heard = client.publish(TOPIC, jsonvalue.dumps(part))
            if channels and not heard:
                self._silent_until = monotonic_seconds() + UNHEARD_SECONDS
        except Exception as error:
            # Whatever the client raises: who follows a channel looks by itself.
            self._silent_until = monotonic_seconds() + BREAKER_SECONDS
            _log.debug("cannot send notices: %s", error)

    # --- receiving

    def _receive_all(self) -> None:
        while not self._stopping.is_set():
            try:
                self._receive()
            except Exception as error:
                _log.debug("cannot receive notices: %s", error)
                self._stopping.wait(BREAKER_SECONDS)

    def _receive(self) -> None:
        client = self._connect()
        with client.pubsub(ignore_subscribe_messages=True) as pubsub:
            pubsub.subscribe(TOPIC)
            while not self._stopping.is_set():
                message = pubsub.get_message(timeout=0.5)
                if message is not None:
                    self._own.tell(_channels(message["data"]))
        client.close()


def _channels(data: bytes) -> list[str]:
    """Return the channels that a message names; none for anything else, as whatever comes from the broker may be."""
    try:
        value = jsonvalue.loads_strict(data, max_bytes=_MOST_BYTES)
    except (InvalidInput, LimitExceeded):
        return []
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
