"""The hub: streams without threads, told at once, in order, and without a double."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import services
from runtimes import Harness, a_runtime
from sse import Reader, Received

from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE
from workflowkit.engine.channels import run_channel
from workflowkit.runtime.following import Place, Subscription
from workflowkit.streams.dialect import ServerSentEvents
from workflowkit.streams.hub import Hub

DEADLINE_SECONDS = 60
ONE_STEP = {
    "name": "One",
    "triggers": [{"event": "go"}],
    "actions": [{"id": "first", "kind": "noop"}],
    "edges": [{"from": "$source", "to": "first"}],
}


class Stream:
    """A client of the hub."""

    def __init__(
        self, hub: Hub, channel: str, *topics: str, place: Place | None = None, is_chunked: bool = False
    ) -> None:
        ours, theirs = socket.socketpair()
        ours.settimeout(DEADLINE_SECONDS)
        self.sock, self.reader, self.received, self.bytes = ours, Reader(), list[Received](), b""
        subscription = Subscription(DEFAULT_SCOPE, channel, frozenset(topics))
        hub.adopt(theirs, subscription, place or Place(), ServerSentEvents(is_chunked=is_chunked))

    def read(self) -> bool:
        """Read what comes next; tell whether the stream goes on."""
        data = self.sock.recv(65_536)
        self.bytes += data
        self.received += self.reader.feed(data.decode())
        return bool(data)

    def read_until(self, is_enough: Callable[[Stream], object]) -> None:
        while not is_enough(self):
            assert self.read(), "the stream has ended"

    @property
    def data(self) -> list[Any]:
        return [each.data["data"] for each in self.received if each.event == "message"]


@contextmanager
def a_hub(database_url: str, **limits: int) -> Iterator[tuple[Harness, Hub, list[Stream]]]:
    with a_runtime(database_url, limits=Limits(**limits)) as harness:
        streams: list[Stream] = []
        try:
            yield harness, harness.runtime.streams.hub, streams
        finally:
            for stream in streams:
                stream.sock.close()


def _publish(harness: Harness, *data: Any, channel: str = "room") -> None:
    for each in data:
        harness.runtime.publishing.publish(DEFAULT_SCOPE, channel, "news", each)


def test_messages_reach_all_who_follow_in_order_and_once(database_url: str) -> None:
    with a_hub(database_url) as (harness, hub, streams):
        streams += [Stream(hub, "room", "news") for _ in range(5)]
        for stream in streams:
            stream.read_until(lambda its: its.reader.last_id)
        _publish(harness, *range(20))
        _publish(harness, "elsewhere", channel="another-room")
        for stream in streams:
            stream.read_until(lambda its: len(its.data) == 20)
            assert stream.data == list(range(20))
        assert hub.count == 5


def test_a_client_that_comes_back_loses_nothing_and_gets_nothing_twice(database_url: str) -> None:
    with a_hub(database_url) as (harness, hub, streams):
        first = Stream(hub, "room", "news")
        first.read_until(lambda its: its.reader.last_id)
        _publish(harness, 1, 2)
        first.read_until(lambda its: its.data == [1, 2])
        first.sock.close()
        _publish(harness, 3, 4)
        place = Place.parse(first.reader.last_id)
        streams.append(second := Stream(hub, "room", "news", place=place))
        _publish(harness, 5)
        second.read_until(lambda its: 5 in its.data)
        assert second.data == [3, 4, 5]
        assert services.wait_until(lambda: hub.count == 1, timeout_seconds=DEADLINE_SECONDS)


def test_what_no_notice_tells_of_is_found_anyway(database_url: str) -> None:
    with a_hub(database_url) as (harness, hub, streams):
        streams.append(stream := Stream(hub, "room", "news"))
        stream.read_until(lambda its: its.reader.last_id)
        elsewhere = harness.new_process()  # its notices stay in its own process
        elsewhere.publishing.publish(DEFAULT_SCOPE, "room", "news", "found")
        stream.read_until(lambda its: its.data == ["found"])


def test_the_stream_of_a_run_ends_with_the_run(database_url: str) -> None:
    with a_hub(database_url) as (harness, hub, _):
        harness.deploy(ONE_STEP)
        harness.send("go")
        harness.match()
        stream = Stream(hub, run_channel(harness.run()["id"]), "$status")
        stream.read_until(lambda its: its.received)
        harness.clock.advance(seconds=60)
        harness.skip(5)  # the claim from above has run out
        while stream.read():
            pass
        stream.sock.close()
        assert [each.event for each in stream.received][-1] == "end"
        statuses = [each.data["status"] for each in stream.received if each.event == "status"]
        assert (statuses[0], statuses[-1]) == ("running", "completed")
        revisions = [each.data["revision"] for each in stream.received if each.event == "status"]
        assert revisions == sorted(set(revisions))
        assert services.wait_until(lambda: hub.count == 0, timeout_seconds=DEADLINE_SECONDS)


def test_more_than_fits_into_one_look_comes_in_several(database_url: str) -> None:
    with a_hub(database_url, replay_messages=3) as (harness, hub, streams):
        _publish(harness, "before")
        streams.append(stream := Stream(hub, "room", "news", place=Place(-1, 0)))
        _publish(harness, *range(10))
        stream.read_until(lambda its: len(its.data) == 11)
        assert stream.data == ["before", *range(10)]


def test_streams_are_ended_in_order_when_the_process_ends(sqlite_url: str) -> None:
    with a_hub(sqlite_url) as (_harness, hub, streams):
        streams.append(stream := Stream(hub, "room", "news", is_chunked=True))
        stream.read_until(lambda its: its.reader.last_id)
        hub.close()
        while stream.read():
            pass
        assert stream.bytes.endswith(b"\r\n0\r\n\r\n")
        assert not hub.has_room()


def test_a_stream_ends_after_its_time(sqlite_url: str) -> None:
    with a_hub(sqlite_url, stream_seconds=1) as (_harness, hub, streams):
        streams.append(stream := Stream(hub, "room", "news"))
        while stream.read():
            pass
        assert stream.received == []
        assert services.wait_until(lambda: hub.count == 0, timeout_seconds=DEADLINE_SECONDS)


def test_a_client_that_does_not_read_is_let_go(sqlite_url: str) -> None:
    with a_hub(sqlite_url, stream_backlog_bytes=100_000) as (harness, hub, streams):
        streams.append(slow := Stream(hub, "room", "news"))
        streams.append(quick := Stream(hub, "room", "news"))
        for stream in (slow, quick):
            stream.read_until(lambda its: its.reader.last_id)
        latest = list[int]()
        for number in range(20):
            latest[:] = [number]
            _publish(harness, [number, "x" * 50_000])
            quick.read_until(lambda its: its.data and its.data[-1][0] == latest[0])
        assert services.wait_until(lambda: hub.count == 1, timeout_seconds=DEADLINE_SECONDS)
        assert [number for number, _ in quick.data] == list(range(20))


def test_a_full_process_has_no_room(sqlite_url: str) -> None:
    with a_hub(sqlite_url, streams=2) as (_harness, hub, streams):
        for _ in range(2):
            assert hub.has_room()
            streams.append(Stream(hub, "room", "news"))
        assert not hub.has_room()
