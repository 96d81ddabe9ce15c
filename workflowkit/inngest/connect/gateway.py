"""A gateway: one thread that holds the sockets of connected workers, and sends them what is placed with them.

It knows nothing that another gateway, or its own successor, would need: that is in the database. What blocks is done on
a few threads beside it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeVar
from urllib.parse import urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from workflowkit.base.clock import monotonic_seconds
from workflowkit.base.errors import StoreUnavailable
from workflowkit.inngest.connect import frames
from workflowkit.inngest.connect import wire_pb2 as wire
from workflowkit.inngest.connect.desk import GOING_AWAY, INTERNAL_ERROR, POLICY_VIOLATION, Admitted, Desk, Refused
from workflowkit.inngest.connect.session import Session
from workflowkit.inngest.server import Parts
from workflowkit.runtime.connecting import REPORT_SECONDS
from workflowkit.runtime.notices import Notices
from workflowkit.runtime.workerrequests import gateway_channel
from workflowkit.store.connections import ConnectionStatus
from workflowkit.store.gateways import GatewayRow
from workflowkit.store.workerrequests import WorkerRequest

_log = logging.getLogger(__name__)

Result = TypeVar("Result")

PATH, PROTOCOL = "/v0/connect", Subprotocol("v0.connect.inngest.com")
#: How often a worker has to say that it is there, and how long it may be silent.
HEARTBEAT_SECONDS, SILENT_SECONDS = 10, 35.0
#: How often requests are looked for whose notice is lost, and steps that wait for a worker.
LOOK_SECONDS = 0.5
#: How long workers may take to go elsewhere, and to finish what they are executing, when the gateway ends.
MOVING_SECONDS, DRAIN_SECONDS = 3.0, 25.0
#: Of each worker at least so many leases fit into the time that a worker may be silent.
_EXTENSIONS_PER_LEASE = 4
_THREADS = 8


class Gateway:
    """The gateway of a process, on a socket that is open already and belongs to it from now on. Use it once.

    ``url`` is how workers reach it; without one, that is the port of the socket at the host of the API.
    """

    def __init__(
        self, parts: Callable[[], Parts], notices: Notices, listener: socket.socket, *, url: str | None
    ) -> None:
        self._parts, self._notices, self._listener, self._url = parts, notices, listener, url
        self._desk = Desk(parts)
        self._sessions: dict[str, Session] = {}
        self._pool = ThreadPoolExecutor(_THREADS, "workflowkit-gateway")
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop
        self._row: GatewayRow
        self._news: asyncio.Event
        self._ending: asyncio.Event
        self._tasks: set[asyncio.Task[None]] = set()
        #: The sockets that are open, also of workers that have not been let in yet.
        self._sockets: set[ServerConnection] = set()

    def start(self) -> None:
        """Begin to let workers in, on a thread."""
        self._loop = asyncio.new_event_loop()
        self._news, self._ending = asyncio.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="workflowkit-gateway", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send the workers elsewhere, let them finish what they are executing for a while, and end."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._loop.call_soon_threadsafe(self._ending.set)
            thread.join()
            self._pool.shutdown()
            self._loop.close()

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())

    def _notice(self, channels: Iterable[str]) -> None:
        if gateway_channel(self._row.id) in channels and not self._loop.is_closed():
            with contextlib.suppress(RuntimeError):  # it has just been closed
                self._loop.call_soon_threadsafe(self._news.set)

    async def _threaded(self, call: Callable[..., Result], /, *arguments: Any) -> Result:
        return await self._loop.run_in_executor(self._pool, lambda: call(*arguments))

    # --- the gateway's thread

    async def _serve(self) -> None:
        if not await self._open():
            self._listener.close()
            return
        self._notices.listen(self._notice)
        # Workers have heartbeats of their own; pings would end the sockets of those that are busy for a while.
        server = await serve(
            self._handle, sock=self._listener, subprotocols=[PROTOCOL], process_request=self._check,
            max_size=self._parts().settings.limits.connect_message_bytes, server_header=None, compression=None,
            ping_interval=None,
        )  # fmt: skip
        async with server:
            loops = [
                asyncio.create_task(self._every(seconds, work))
                for seconds, work in ((LOOK_SECONDS, self._dispatch), (REPORT_SECONDS, self._report), (1.0, self._wake))
            ]
            await self._ending.wait()
            await self._drain()
            for each in loops:
                each.cancel()
            await asyncio.gather(*loops, return_exceptions=True)
            await asyncio.gather(
                *(each.socket.close(GOING_AWAY, "connect_gateway_closing") for each in list(self._sessions.values()))
            )  # fmt: skip
        await self._kept(self._threaded(self._parts().connecting.close, self._row))

    async def _open(self) -> bool:
        """Report the gateway, as soon as the database can be reached; tell whether it was before the end."""
        port = self._listener.getsockname()[1]
        while not self._ending.is_set():
            try:
                self._row = await self._threaded(lambda: self._parts().connecting.open(url=self._url, port=port))
                return True
            except StoreUnavailable as error:
                _log.warning("the gateway does not begin yet: %s", error)
                await self._pause(self._ending, REPORT_SECONDS)
        return False

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        """Do something again and again; requests are looked for whenever there is news of them, too."""
        while True:
            await self._kept(work())
            if work == self._dispatch:
                await self._pause(self._news, seconds)
                self._news.clear()
            else:
                await asyncio.sleep(seconds)

    async def _kept(self, work: Awaitable[None]) -> None:
        """Wait for something that is done again if it fails."""
        try:
            await work
        except StoreUnavailable as error:
            _log.warning("gateway: %s", error)
        except Exception:
            _log.exception("gateway: something went wrong")

    @staticmethod
    async def _pause(event: asyncio.Event, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(event.wait(), seconds)

    async def _dispatch(self) -> None:
        """Send what is placed with the workers here; none of them is waited for."""
        if not self._sessions:
            return
        requests = self._parts().worker_requests
        by_session: dict[str, list[WorkerRequest]] = {}
        sent = [each.lease_id for session in self._sessions.values() for each in session.sent.values()]
        for request in await self._threaded(requests.placed, self._row.id, sent):
            session = self._sessions.get(request.connection_id)
            if session is None:
                await self._threaded(requests.let_go, [request.id], request.connection_id)
            elif request.id not in session.executing:
                by_session.setdefault(session.id, []).append(request)
        for session_id, asked in by_session.items():
            # One that has gone meanwhile has let go what it was to be sent.
            session = self._sessions.get(session_id)
            if session is not None and not session.is_asking:
                self._begin(session.ask_all(asked))

    async def _report(self) -> None:
        now = monotonic_seconds()
        for session in list(self._sessions.values()):
            session.forget_unacknowledged(now)
            if now - session.heard_at > SILENT_SECONDS and not session.is_closing:
                # Whoever is silent may be so about this, too.
                session.is_closing = True
                self._begin(session.socket.close(GOING_AWAY, "connect_worker_stopped_responding"))
        await self._threaded(self._parts().connecting.report, self._row, list(self._sessions))

    async def _wake(self) -> None:
        if self._sessions:
            await self._threaded(self._parts().worker_requests.wake, self._parts().settings.environment)

    async def _drain(self) -> None:
        """Send all workers elsewhere, and wait for those that are executing something."""
        began_at = monotonic_seconds()
        await self._kept(self._threaded(self._parts().connecting.drain, self._row))
        closing = frames.frame(wire.GATEWAY_CLOSING)
        for session in list(self._sessions.values()):
            await self._kept(session.become(ConnectionStatus.DRAINING))
            self._begin(session.tell(closing))
        while self._sessions:
            seconds = monotonic_seconds() - began_at
            is_busy = any(each.executing or each.sent for each in self._sessions.values())
            if seconds > (DRAIN_SECONDS if is_busy else MOVING_SECONDS):
                return
            await asyncio.sleep(0.05)

    # --- a worker

    async def _handle(self, connection: ServerConnection) -> None:
        session: Session | None = None
        self._sockets.add(connection)
        try:
            admitted = await self._welcome(connection)
            session = self._new_session(connection, admitted)
            self._sessions[session.id] = session
            await connection.send(self._ready_frame())
            if admitted.is_ready:
                await session.become(ConnectionStatus.READY)
            await session.run()
        except Refused as refused:
            _log.info("a worker was refused: %s (%s)", refused.reason, refused.__cause__)
            await connection.close(refused.status, refused.reason)
        except ConnectionClosed:
            pass
        except Exception:
            _log.exception("a connection failed")
            await connection.close(INTERNAL_ERROR, "connect_internal_error")
        finally:
            self._sockets.discard(connection)
            if session is not None:
                del self._sessions[session.id]
                await self._kept(session.leave())

    async def _welcome(self, connection: ServerConnection) -> Admitted:
        """Let a worker say who it is. Raises ``Refused``."""
        if self._ending.is_set():
            raise Refused(GOING_AWAY, "connect_gateway_closing")
        limits = self._parts().settings.limits
        await connection.send(frames.frame(wire.GATEWAY_HELLO))
        try:
            data = await asyncio.wait_for(connection.recv(), limits.connect_hello_seconds)
        except TimeoutError:
            raise Refused(POLICY_VIOLATION, "connect_worker_hello_timeout") from None
        try:
            message = frames.read(wire.Frame, data.encode() if isinstance(data, str) else data)
        except frames.BadFrame as error:
            raise Refused(POLICY_VIOLATION, "connect_worker_hello_invalid_msg") from error
        if isinstance(data, str) or message.kind != wire.WORKER_CONNECT:
            raise Refused(POLICY_VIOLATION, "connect_worker_hello_invalid_msg")
        try:
            asked = frames.read(wire.WorkerConnect, message.payload)
        except frames.BadFrame as error:
            raise Refused(POLICY_VIOLATION, "connect_worker_hello_invalid_payload") from error
        return await self._threaded(self._desk.admit, asked, self._row.id)

    def _new_session(self, connection: ServerConnection, admitted: Admitted) -> Session:
        parts = self._parts()
        return Session(
            connection, admitted, self._row.id, parts.connecting, parts.worker_requests, self._threaded,
            self._wake_soon,
        )  # fmt: skip

    def _wake_soon(self) -> None:
        self._begin(self._wake())

    def _begin(self, work: Awaitable[None]) -> None:
        """Do something beside everything else."""
        task = self._loop.create_task(self._kept(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ready_frame(self) -> bytes:
        lease_seconds = self._parts().settings.limits.connect_lease_seconds
        payload = wire.ConnectionReady(
            heartbeat_interval=f"{HEARTBEAT_SECONDS}s",
            extend_lease_interval=f"{max(1, lease_seconds // _EXTENSIONS_PER_LEASE)}s",
        )
        return frames.frame(wire.GATEWAY_CONNECTION_READY, payload)

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        if urlsplit(request.path).path != PATH:
            return connection.respond(HTTPStatus.NOT_FOUND, "there is nothing here\n")
        # Whoever can reach the port can open sockets: they cost memory before anybody has said who they are.
        if len(self._sockets) >= self._parts().settings.limits.connections:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "there are too many connections\n")
        return None
