"""Channels: where messages are published, and where it is told how runs go on. Pure names and checks.

A message is published to one topic of one channel of a tenant. Every run has a channel of its own, ``run:<id>``; the
topic ``$status`` of it is the engine's, and says what happens to the run. All other names are the application's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from workflowkit.base import jsonvalue
from workflowkit.base.errors import InvalidInput, LimitExceeded, Problem
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.model import Json
from workflowkit.typeschema import to_json

#: What happens to a run. Only the engine publishes it.
STATUS_TOPIC = "$status"
_RUN_PREFIX = "run:"
_CHANNEL = re.compile(r"[^\s\x00-\x1f\x7f]+")
_TOPIC = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]*")


class PartKind(StrEnum):
    """What a message is of a stream that was published piece by piece."""

    START = "start"
    CHUNK = "chunk"
    END = "end"


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of which stream a message is."""

    kind: PartKind
    stream_id: str

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.stream_id}"

    @classmethod
    def parse(cls, text: str) -> Part:
        """Return the part that ``str`` wrote."""
        kind, _, stream_id = text.partition(":")
        return cls(PartKind(kind), stream_id)


@dataclass(frozen=True, slots=True)
class Message:
    """Something that is published. ``text`` is its data as JSON; ``part`` says which part of a stream, if it is one."""

    channel: str
    topic: str
    text: str
    part: Part | None = None

    @property
    def data(self) -> Json:
        """What was published."""
        return jsonvalue.loads(self.text)

    def as_dict(self) -> dict[str, Json]:
        """Return it as JSON."""
        return {"channel": self.channel, "topic": self.topic, "data": self.data}


def run_channel(run_id: str) -> str:
    """Return the channel of a run."""
    return _RUN_PREFIX + run_id


def run_id_of(channel: str) -> str | None:
    """Return the run whose channel this is; ``None`` for a channel of the application."""
    return channel.removeprefix(_RUN_PREFIX) if channel.startswith(_RUN_PREFIX) else None


def new_message(
    channel: str, topic: str, data: Any, limits: Limits = DEFAULT_LIMITS, *, part: Part | None = None
) -> Message:
    """Return a message that can be published.

    Raises ``InvalidInput`` for a bad name and for data that is no JSON, ``LimitExceeded`` for too much of it.
    """
    problems = [*channel_problems(channel, limits), *_topic_problems(topic, limits, "/topic")]
    if problems:
        raise InvalidInput(problems)
    value = to_json(data)
    jsonvalue.check_json(value, max_depth=limits.json_depth)
    text = jsonvalue.dumps(value)
    size_bytes = len(text.encode())
    if size_bytes > limits.message_bytes:
        raise LimitExceeded("message_bytes", limits.message_bytes, size_bytes)
    return Message(channel, topic, text, part)


def subscription_problems(channel: str, topics: Sequence[str], limits: Limits = DEFAULT_LIMITS) -> list[Problem]:
    """Return everything that keeps ``topics`` of a channel from being subscribed to."""
    problems = channel_problems(channel, limits)
    if not 0 < len(topics) <= limits.topics_per_token:
        problems.append(Problem("/topics", "invalid-value", f"name 1 to {limits.topics_per_token} topics"))
    for index, topic in enumerate(topics):
        if topic != STATUS_TOPIC:
            problems += _topic_problems(topic, limits, f"/topics/{index}")
        elif run_id_of(channel) is None:
            problems.append(Problem(f"/topics/{index}", "invalid-value", f"only runs have the topic {STATUS_TOPIC}"))
    return problems


def channel_problems(channel: str, limits: Limits = DEFAULT_LIMITS) -> list[Problem]:
    """Return what is wrong with the name of a channel."""
    if isinstance(channel, str) and len(channel) <= limits.channel_chars and _CHANNEL.fullmatch(channel):
        return []
    message = f"a channel is text of 1 to {limits.channel_chars} characters without spaces"
    return [Problem("/channel", "invalid-value", message)]


def _topic_problems(topic: str, limits: Limits, pointer: str) -> list[Problem]:
    if isinstance(topic, str) and len(topic) <= limits.topic_chars and _TOPIC.fullmatch(topic):
        return []
    message = f"a topic has 1 to {limits.topic_chars} letters and digits, and behind the first also _ . : / -"
    return [Problem(pointer, "invalid-value", message)]
