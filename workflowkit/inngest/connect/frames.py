"""Frames of the protocol, to and from plain values. Needs protobuf."""

from __future__ import annotations

from typing import Any, TypeVar

from google.protobuf.message import DecodeError, Message

from workflowkit.inngest.connect import wire_pb2 as wire
from workflowkit.inngest.identities import identity
from workflowkit.inngest.replies import NO_RETRY_HEADER, RETRY_HEADER, SDK_HEADER, VERSION_HEADER
from workflowkit.inngest.views import ACCOUNT_ID, ENVIRONMENT_ID
from workflowkit.store.workerrequests import WorkerRequest

Read = TypeVar("Read", bound=Message)

_STATUSES = {wire.DONE: 200, wire.NOT_COMPLETED: 206, wire.ERROR: 500}
#: Of a worker that does not say which SDK it has: a reply has to be an SDK's.
_UNKNOWN_SDK = "unknown"


class BadFrame(Exception):
    """What came is no frame, or has no payload of its kind."""


def frame(kind: wire.Kind, payload: Message | None = None) -> bytes:
    """Return a frame."""
    return wire.Frame(kind=kind, payload=b"" if payload is None else payload.SerializeToString()).SerializeToString()


def read(form: type[Read], data: bytes) -> Read:
    """Return a message of a form. Raises ``BadFrame``."""
    message = form()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise BadFrame(form.DESCRIPTOR.name) from None
    return message


def executor_request(request: WorkerRequest) -> bytes:
    """Return the frame that asks a worker to execute something."""
    payload = wire.ExecutorRequest(
        request_id=request.id,
        account_id=ACCOUNT_ID,
        env_id=ENVIRONMENT_ID,
        app_id=identity("app", request.app),
        app_name=request.app,
        function_id=identity("function", request.slug),
        function_slug=request.slug,
        step_id=request.part,
        request_payload=request.payload.encode(),
        system_trace_ctx=b"{}",
        user_trace_ctx=b"{}",
        run_id=request.run_id,
        lease_id=request.lease_id,
        job_id=request.job_id,
    )
    return frame(wire.GATEWAY_EXECUTOR_REQUEST, payload)


def extended(asked: wire.ExtendLease, new_lease_id: str | None) -> bytes:
    """Return the frame that answers to a worker that wants to keep a request."""
    payload = wire.ExtendLeaseAck(
        request_id=asked.request_id, account_id=asked.account_id, env_id=asked.env_id, app_id=asked.app_id,
        function_slug=asked.function_slug, new_lease_id=new_lease_id,
    )  # fmt: skip
    return frame(wire.WORKER_REQUEST_EXTEND_LEASE_ACK, payload)


def reply_of(reply: wire.Reply) -> dict[str, Any]:
    """Return a worker's reply in the form in which the reply to a call over HTTP comes, as JSON."""
    headers = {
        SDK_HEADER: reply.sdk_version or _UNKNOWN_SDK,
        VERSION_HEADER: str(reply.request_version),
        NO_RETRY_HEADER: "true" if reply.no_retry else "false",
        **({RETRY_HEADER: reply.retry_after} if reply.HasField("retry_after") else {}),
    }
    # An unknown status is a number; whatever it means, the function has not succeeded.
    return {
        "status": _STATUSES.get(reply.status, 500), "headers": headers, "body": reply.body.decode(errors="replace"),
    }  # fmt: skip
