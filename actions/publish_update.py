"""Publish update: tell those who follow a channel, such as the page of whoever waits for this run.

The message is published once, however often the step is tried again, and kept for a few minutes for those who come
back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, TypedDict

from workflowkit.registry import Field, action

if TYPE_CHECKING:
    from workflowkit.engine.context import StepContext


class Published(TypedDict):
    """Where it was published."""

    channel: str
    topic: str


@action("publish_update", name="Publish update", category="Flow", icon="megaphone", external=False)
def publish_update(
    ctx: StepContext,
    topic: Annotated[str, Field(min_length=1, max_length=64, examples=("progress",))],
    data: Any = None,
    channel: Annotated[str | None, Field(max_length=256, examples=("thread:42",))] = None,
) -> Published:
    """Publish a message to those who follow a topic.

    Args:
        topic: What it is about.
        data: The message.
        channel: Where; the channel of this run unless another one is named.
    """
    ctx.step.publish("publish", topic, data, channel=channel)
    return {"channel": channel or f"run:{ctx.run.id}", "topic": topic}
