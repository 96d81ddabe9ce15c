"""Our own description of the protocol of workers that connect has the numbers that the SDK's has."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from workflowkit.inngest.connect import frames
from workflowkit.inngest.connect import wire_pb2 as wire

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # the SDK's bindings are older than the runtime
    from inngest.connect._internal import connect_pb2 as sdk

#: Our names of messages, by the SDK's.
MESSAGES = {
    "ConnectMessage": "Frame",
    "StartRequest": "StartRequest",
    "StartResponse": "StartResponse",
    "FlushResponse": "FlushResponse",
    "AppConfiguration": "App",
    "AuthData": "Credentials",
    "SystemAttributes": "Machine",
    "WorkerConnectRequestData": "WorkerConnect",
    "GatewayConnectionReadyData": "ConnectionReady",
    "GatewayExecutorRequestData": "ExecutorRequest",
    "WorkerRequestAckData": "RequestAck",
    "WorkerRequestExtendLeaseData": "ExtendLease",
    "WorkerRequestExtendLeaseAckData": "ExtendLeaseAck",
    "SDKResponse": "Reply",
    "WorkerReplyAckData": "ReplyAck",
}
#: What the SDK of TypeScript has and that of Python does not yet.
NEWER = {("ConnectionReady", "status_interval")}


def _form(field: FieldDescriptor) -> tuple[object, ...]:
    return field.number, field.type, field.is_repeated, field.has_presence


@pytest.mark.parametrize(("theirs", "ours"), MESSAGES.items())
def test_a_message_has_the_fields_of_the_sdk(theirs: str, ours: str) -> None:
    known = {field.name: _form(field) for field in getattr(sdk, theirs).DESCRIPTOR.fields}
    own = {field.name: _form(field) for field in getattr(wire, ours).DESCRIPTOR.fields}
    assert {name: form for name, form in own.items() if known.get(name) != form}.keys() == {
        name for message, name in NEWER if message == ours
    }


def test_the_kinds_of_frames_are_those_of_the_sdk() -> None:
    known, own = _numbers(sdk.GatewayMessageType.DESCRIPTOR), _numbers(wire.Kind.DESCRIPTOR)
    assert own == {**known, "WORKER_STATUS": 15}
    assert _numbers(wire.ReplyStatus.DESCRIPTOR) == _numbers(sdk.SDKResponseStatus.DESCRIPTOR)


def _numbers(enum: EnumDescriptor) -> dict[str, int]:
    return {value.name: value.number for value in enum.values}


def test_the_bindings_are_made_from_the_description() -> None:
    text = (Path(frames.__file__).parent / "wire.proto").read_text()
    messages = wire.DESCRIPTOR.message_types_by_name
    assert {name for name in messages if f"message {name} {{" not in text} == set()
    fields = [field for message in messages.values() for field in message.fields]
    assert [field.full_name for field in fields if f"{field.name} = {field.number};" not in text] == []
    assert text.count("message ") == len(messages)
    assert text.count(" = ") - text.count("syntax = ") == len(fields) + sum(
        len(enum.values) for enum in wire.DESCRIPTOR.enum_types_by_name.values()
    )


@pytest.mark.parametrize(("status", "expected"), [(wire.DONE, 200), (wire.NOT_COMPLETED, 206), (wire.ERROR, 500)])
def test_a_reply_has_the_status_that_it_has_over_http(status: wire.ReplyStatus, expected: int) -> None:
    reply = wire.Reply(request_id="r", status=status, body=b"1", no_retry=True, retry_after="5", sdk_version="x:v1")
    assert frames.reply_of(reply) == {
        "status": expected,
        "headers": {
            "x-inngest-sdk": "x:v1",
            "x-inngest-req-version": "0",
            "x-inngest-no-retry": "true",
            "retry-after": "5",
        },
        "body": "1",
    }


def test_a_reply_with_a_status_that_is_not_known_is_a_failure() -> None:
    reply = wire.Reply.FromString(wire.Reply(request_id="r").SerializeToString() + b"\x28\x09")
    assert frames.reply_of(reply)["status"] == 500
