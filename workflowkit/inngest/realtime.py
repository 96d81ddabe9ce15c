"""The realtime of SDKs on our channels: tokens, publishing, and subscriptions in the form that SDKs read."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from workflowkit.base.errors import InvalidInput, LimitExceeded, Problem, StoreUnavailable
from workflowkit.base.ids import new_id
from workflowkit.base.jsonvalue import dumps
from workflowkit.base.scope import Scope
from workflowkit.engine.channels import Part, PartKind, run_channel
from workflowkit.inngest.parts import Stored
from workflowkit.inngest.views import ENVIRONMENT_ID
from workflowkit.runtime.following import News, Place, Subscription, Told
from workflowkit.runtime.publishing import Publishing, SubscriptionTokens
from workflowkit.store import messages
from workflowkit.streams.dialect import ServerSentEvents
from workflowkit.streams.handover import Streams

#: What an app writes to those who follow a run by ``/v1/realtime/sse``: bytes of a stream that are passed on.
TEE_TOPIC = "tee"
#: A stream is published in pieces of this size at most.
PIECE_BYTES = 1_024
_KINDS = {PartKind.START: "datastream-start", PartKind.CHUNK: "chunk", PartKind.END: "datastream-end"}


class Parts(Stored, Protocol):
    """What this takes from a composed runtime."""

    @property
    def publishing(self) -> Publishing: ...
    @property
    def subscription_tokens(self) -> SubscriptionTokens: ...
    @property
    def streams(self) -> Streams: ...


@dataclass(frozen=True, slots=True)
class Realtime:
    """The channels of tenants as SDKs see them. ``parts`` is asked for with each request."""

    parts: Callable[[], Parts]

    def token(self, asked: Any) -> str:
        """Return a token with which topics of a channel of the installation's own tenant can be followed.

        Raises ``InvalidInput``.
        """
        topics: list[Mapping[str, Any]] = (
            [each for each in asked if isinstance(each, dict)] if isinstance(asked, list) else []
        )
        channels = {str(each.get("channel") or "") for each in topics}
        if len(channels) != 1:
            raise InvalidInput([Problem("", "invalid-value", "a list of topics of one channel")])
        names = [str(each.get("name") or "") for each in topics]
        parts = self.parts()
        return parts.subscription_tokens.mint(parts.settings.scope, channels.pop(), names).token

    def publish(self, scope: Scope, channel: str, topics: Iterable[str], data: Any) -> None:
        """Publish a message to topics of a channel. Raises ``InvalidInput``, ``LimitExceeded``."""
        for topic in topics:
            self.parts().publishing.publish(scope, channel, topic, data)

    def publish_stream(self, scope: Scope, channel: str, topics: list[str], pieces: Iterable[bytes]) -> None:
        """Publish a stream while it comes in: each topic is told when it begins, its text, and when it has ended.

        Raises ``InvalidInput``; ``LimitExceeded`` for one that is too long, which ends there for those who follow.
        """
        publishing, now_ms = self.parts().publishing, self.parts().database.now_ms()
        streams = {topic: new_id(now_ms) for topic in topics}

        def tell(kind: PartKind, text: str | None = None) -> None:
            for topic, stream_id in streams.items():
                data = stream_id if text is None else text
                publishing.publish(scope, channel, topic, data, part=Part(kind, stream_id))

        tell(PartKind.START)
        try:
            for text in self._texts(pieces):
                tell(PartKind.CHUNK, text)
        finally:
            with suppress(StoreUnavailable):  # whatever went wrong, nobody waits for what will not come
                tell(PartKind.END)

    def tee(self, scope: Scope, run_id: str, pieces: Iterable[bytes]) -> None:
        """Pass bytes on to those who follow a run, while they come in. Raises ``LimitExceeded``."""
        for text in self._texts(pieces):
            self.parts().publishing.publish(scope, run_channel(run_id), TEE_TOPIC, text)

    def run_token(self, scope: Scope, run_id: str) -> str:
        """Return a token with which that can be followed which is passed on of a run."""
        limits = self.parts().settings.limits
        tokens = self.parts().subscription_tokens
        return tokens.mint(scope, run_channel(run_id), [TEE_TOPIC], ttl_seconds=limits.token_seconds).token

    def _texts(self, pieces: Iterable[bytes]) -> Iterator[str]:
        """Yield a stream of UTF-8 as texts that are small enough. Raises ``LimitExceeded`` for too many."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        most, count = self.parts().settings.limits.published_pieces, 0
        for piece in pieces:
            for at in range(0, len(piece), PIECE_BYTES):
                count += 1
                if count > most:
                    raise LimitExceeded("published_pieces", most, count)
                if text := decoder.decode(piece[at : at + PIECE_BYTES]):
                    yield text
        if text := decoder.decode(b"", final=True):
            yield text

    def subscription(self, token: str) -> tuple[Subscription, Place]:
        """Return what a token admits to, and the place of somebody who comes now. Raises ``Unauthenticated``."""
        parts = self.parts()
        found = parts.subscription_tokens.read(token)
        with parts.database.read() as tx:
            # What is published from now on is theirs, before they are told that they are connected.
            return found, Place(-1, messages.newest(tx, found.scope, found.channel))


class RawEvents(ServerSentEvents):
    """Server-sent events that the app itself has written, passed on; other messages as the SDKs' messages."""

    #: An app passes on its last words beside the answer that ends the run.
    linger_seconds = 10.0

    def told(self, news: News) -> bytes:
        """Return what is new."""
        data = "".join(_event(told) for told in news.told).encode()
        return self._framed(data) if data else b""


def shown_texts(news: News) -> Iterator[str]:
    """Yield the messages that SDKs read of a subscription, as JSON."""
    return (dumps(_shown(told)) for told in news.told)


def _event(told: Told) -> str:
    if told.event == "message" and told.data["topic"] == TEE_TOPIC and isinstance(told.data["data"], str):
        return told.data["data"]
    return f"data: {dumps(_shown(told))}\n\n"


def _shown(told: Told) -> dict[str, Any]:
    data: Mapping[str, Any] = told.data
    if told.event != "message":
        return {"kind": "run", "data": data, "run_id": data["run_id"], "env_id": ENVIRONMENT_ID}
    shown = {
        "kind": "data", "channel": data["channel"], "topic": data["topic"], "data": data["data"],
        "created_at": data["at"], "env_id": ENVIRONMENT_ID,
    }  # fmt: skip
    if (stream := data.get("stream")) is not None:
        kind = PartKind(stream["part"])
        shown["kind"] = _KINDS[kind]
        if kind is PartKind.CHUNK:
            shown["stream_id"] = stream["id"]
    return shown
