"""One worker at a gateway, once it has been let in: what it says, and what it is asked."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import StoreUnavailable
from workflowkit.inngest.connect import frames
from workflowkit.inngest.connect import wire_pb2 as wire
from workflowkit.inngest.connect.desk import POLICY_VIOLATION, Admitted, Refused
from workflowkit.runtime.connecting import Connecting
from workflowkit.runtime.stepping import RECORD_PAUSES_SECONDS
from workflowkit.runtime.workerrequests import ACK_SECONDS, WorkerRequests
from workflowkit.store.connections import ConnectionStatus
from workflowkit.store.workerrequests import WorkerRequest

_log = logging.getLogger(__name__)

Result = TypeVar("Result")


class Threads(Protocol):
    """Does what blocks on a thread, and returns what it returns."""

    def __call__(self, call: Callable[..., Result], /, *arguments: Any) -> Awaitable[Result]: ...


@dataclass(frozen=True, slots=True)
class Sent:
    """A request that was sent: under which lease, and when, on a stopwatch."""

    lease_id: str
    at: float


@dataclass(slots=True, eq=False)
class Session:
    """A worker and its socket. ``sent`` are the requests that it has not acknowledged, by id.

    ``executing`` are those that it has, and has not answered; ``on_ready`` is called whenever it takes requests.
    """

    socket: ServerConnection
    admitted: Admitted
    gateway_id: str
    connecting: Connecting
    requests: WorkerRequests
    threads: Threads
    on_ready: Callable[[], None]
    heard_at: float = field(default_factory=monotonic_seconds)
    is_leaving: bool = False
    sent: dict[str, Sent] = field(default_factory=dict)
    executing: set[str] = field(default_factory=set)
    #: Whether requests are being written, and whether the socket is being closed: a worker can hold up either.
    is_asking: bool = False
    is_closing: bool = False

    @property
    def id(self) -> str:
        return self.admitted.connection.id

    async def run(self) -> None:
        """Hear what the worker says until it goes. Raises ``Refused`` for what is no message of the protocol."""
        try:
            async for data in self.socket:
                self.heard_at = monotonic_seconds()
                await self._hear(data)
        except ConnectionClosed:
            pass

    async def become(self, status: ConnectionStatus) -> None:
        """Note how the connection stands."""
        await self.threads(self.connecting.set_status, self.id, status)
        if status is ConnectionStatus.READY:
            self.on_ready()

    async def ask_all(self, requests: Sequence[WorkerRequest]) -> None:
        """Send the worker requests, but for those that it was sent under the same lease. It may take its time to read.

        Meanwhile ``is_asking``: call it again afterwards only.
        """
        self.is_asking = True
        try:
            for request in requests:
                before = self.sent.get(request.id)
                if before is None or before.lease_id != request.lease_id:
                    self.sent[request.id] = Sent(request.lease_id, monotonic_seconds())
                    await self.tell(frames.executor_request(request))
        finally:
            self.is_asking = False

    def forget_unacknowledged(self, now: float) -> None:
        """Forget what the worker has not acknowledged in time: its leases have ended."""
        self.sent = {name: each for name, each in self.sent.items() if now - each.at <= 2 * ACK_SECONDS}

    async def tell(self, data: bytes) -> None:
        """Send a frame; to a worker that is gone, nothing."""
        try:
            await self.socket.send(data)
        except ConnectionClosed:
            _log.debug("connection %s is gone", self.id)

    async def leave(self) -> None:
        """Note that the connection has ended. What the worker had not begun, others may do at once.

        What it had begun stays its own until its lease ends: it may come back with the reply.
        """
        if self.sent:
            await self.threads(self.requests.let_go, list(self.sent), self.id)
        if self.is_leaving:
            await self.threads(self.connecting.remove, self.id)
        else:
            await self.become(ConnectionStatus.DISCONNECTED)

    # --- what the worker says

    async def _hear(self, data: str | bytes) -> None:
        try:
            if isinstance(data, str):
                raise frames.BadFrame("text")
            message = frames.read(wire.Frame, data)
            handler = _HANDLERS.get(message.kind)
            if handler is not None:
                await handler(self, message.payload)
        except frames.BadFrame as error:
            raise Refused(POLICY_VIOLATION, "connect_run_invalid_message") from error
        except StoreUnavailable as error:
            # Nothing was acknowledged: the worker says it again, or brings its reply by HTTP.
            _log.warning("connection %s: a message was lost: %s", self.id, error)

    async def _ready(self, _payload: bytes) -> None:
        await self.become(ConnectionStatus.READY)

    async def _pause(self, _payload: bytes) -> None:
        self.is_leaving = True
        await self.become(ConnectionStatus.DRAINING)

    async def _heartbeat(self, _payload: bytes) -> None:
        await self.tell(frames.frame(wire.GATEWAY_HEARTBEAT))

    async def _status(self, payload: bytes) -> None:
        if frames.read(wire.WorkerStatus, payload).shutdown_requested:
            await self._pause(payload)

    async def _acknowledge(self, payload: bytes) -> None:
        request_id = frames.read(wire.RequestAck, payload).request_id
        self.executing.add(request_id)
        await self.threads(self.requests.acknowledge, request_id, self.id)
        self.sent.pop(request_id, None)

    async def _extend(self, payload: bytes) -> None:
        asked = frames.read(wire.ExtendLease, payload)

        def extend() -> str | None:
            return self.requests.extend(
                asked.request_id, asked.lease_id, connection_id=self.id, gateway_id=self.gateway_id
            )

        new_lease_id = await self.threads(extend)
        (self.executing.discard if new_lease_id is None else self.executing.add)(asked.request_id)
        await self.tell(frames.extended(asked, new_lease_id))

    async def _answer(self, payload: bytes) -> None:
        reply = frames.read(wire.Reply, payload)
        await self._keep(reply)
        self.executing.discard(reply.request_id)
        # SAFETY: I2 — acknowledged after the commit; a reply that is not is brought again, and changes nothing.
        await self.tell(frames.frame(wire.WORKER_REPLY_ACK, wire.ReplyAck(request_id=reply.request_id)))

    async def _keep(self, reply: wire.Reply) -> None:
        """Keep a reply, trying again while the database is away: what the worker did should not be done twice."""
        told = frames.reply_of(reply)
        for pause_seconds in RECORD_PAUSES_SECONDS:
            try:
                await self.threads(self.requests.answer, reply.request_id, told)
                return
            except StoreUnavailable as error:
                _log.warning("connection %s: a reply cannot be kept yet: %s", self.id, error)
                await asyncio.sleep(pause_seconds)
        await self.threads(self.requests.answer, reply.request_id, told)


#: By kind; other messages mean nothing here.
_HANDLERS: dict[int, Callable[[Session, bytes], Awaitable[None]]] = {
    wire.WORKER_READY: Session._ready,
    wire.WORKER_PAUSE: Session._pause,
    wire.WORKER_HEARTBEAT: Session._heartbeat,
    wire.WORKER_STATUS: Session._status,
    wire.WORKER_REQUEST_ACK: Session._acknowledge,
    wire.WORKER_REQUEST_EXTEND_LEASE: Session._extend,
    wire.WORKER_REPLY: Session._answer,
}
