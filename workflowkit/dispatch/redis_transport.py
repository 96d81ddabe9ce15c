"""kombu's Redis transport without its ledger of unacknowledged messages.

That ledger costs two Redis transactions per message and exists so that a message outlives its worker. Ours need not: a
hint that is lost is repeated by the relay, which knows from the database what is due. Prefetch limits still hold; they
are counted in the process.
"""

from __future__ import annotations

from typing import Any

from kombu.transport import redis, virtual


class QoS(redis.Channel.QoS):  # type: ignore[misc,valid-type]  # kombu types it as a variable
    """Counts what is prefetched, and keeps no copy of it in Redis."""

    def append(self, message: Any, delivery_tag: Any) -> None:
        virtual.QoS.append(self, message, delivery_tag)

    def ack(self, delivery_tag: Any) -> None:
        virtual.QoS.ack(self, delivery_tag)

    def reject(self, delivery_tag: Any, requeue: bool = False) -> None:
        virtual.QoS.ack(self, delivery_tag)

    def restore_unacked(self, client: Any = None) -> None:
        """Give nothing back: what a worker that ends had prefetched, the relay hints again."""
        self._delivered.clear()

    def restore_visible(self, *_args: Any, **_options: Any) -> None:
        """Look for nothing: there is no ledger."""


class Channel(redis.Channel):
    """A channel with the counting ``QoS`` and one client, where kombu makes a new one for every command."""

    QoS = QoS
    _client: Any = None

    def _create_client(self, asynchronous: bool = False) -> Any:
        if asynchronous:
            return super()._create_client(asynchronous=True)  # type: ignore[misc]  # not in the stubs
        if self._client is None:
            self._client = super()._create_client()  # type: ignore[misc]  # not in the stubs
        return self._client


class Transport(redis.Transport):
    """The transport for ``redis://`` brokers."""

    Channel = Channel
