"""Following channels: what is new behind the place up to which a subscriber has everything.

Nothing here remembers anything: a place says it all, so a subscriber may come back to any process. What happens to a
run is read from its journal, where the place is a revision; messages are numbered along their channel.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from workflowkit.base.clock import rfc3339
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.definition.model import Json
from workflowkit.engine.channels import STATUS_TOPIC, run_channel, run_id_of
from workflowkit.store import following, messages
from workflowkit.store.following import Standing, ToldFact
from workflowkit.store.messages import PublishedRow
from workflowkit.store.transactions import Transaction

_PLACE = re.compile(r"(-1|0|[1-9]\d{0,17})\.(0|[1-9]\d{0,17})")


@dataclass(frozen=True, slots=True)
class Subscription:
    """What somebody may follow: some topics of one channel of one tenant."""

    scope: Scope
    channel: str
    topics: frozenset[str]

    @property
    def run_id(self) -> str | None:
        """The run whose channel it is."""
        return run_id_of(self.channel)

    @property
    def takes_messages(self) -> bool:
        """Whether anything but the state of the run is followed."""
        return self.topics != {STATUS_TOPIC}


@dataclass(frozen=True, slots=True)
class Place:
    """Up to where a subscriber has everything: a revision of the run, the number of a message.

    ``seq`` is ``None`` for one who has just come: what was published before is not for them.
    """

    revision: int = -1
    seq: int | None = None

    def is_behind(self, other: Place) -> bool:
        """Tell whether ``other`` has something that is not here."""
        return self.revision < other.revision or (self.seq or 0) < (other.seq or 0)

    def at_beginning(self) -> Place:
        """Return the place of somebody who is told all messages that there still are."""
        return replace(self, seq=0)

    def __str__(self) -> str:
        return f"{self.revision}.{self.seq or 0}"

    @classmethod
    def parse(cls, text: str) -> Place | None:
        """Return the place that ``str`` wrote; ``None`` for anything else."""
        found = _PLACE.fullmatch(text)
        return None if found is None else cls(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class Told:
    """What a subscriber is told, and the place that is reached with it. ``event`` is ``status`` or ``message``."""

    event: str
    data: dict[str, Json]
    place: Place


@dataclass(frozen=True, slots=True)
class News:
    """What is new behind a place. ``is_over``: nothing will ever follow. ``has_more``: look again at once."""

    told: tuple[Told, ...]
    place: Place
    is_over: bool = False
    has_more: bool = False


def look(tx: Transaction, subscription: Subscription, place: Place, limits: Limits) -> News:
    """Return what is new for a subscriber who has reached ``place``.

    The run is read before the messages: what was published before its end is there when its end is.
    """
    told: list[Told] = []
    standing = _standing(tx, subscription)
    if standing is not None and standing.revision > place.revision:
        after, place = place.revision, replace(place, revision=standing.revision)
        if STATUS_TOPIC in subscription.topics:
            told.append(Told("status", _status(tx, subscription, standing, after=after), place))
    rows: Sequence[PublishedRow] = ()
    if subscription.takes_messages:
        rows, place = _published(tx, subscription, place, limits)
    for row in rows:
        place = replace(place, seq=row.seq)
        if row.topic in subscription.topics:
            told.append(Told("message", _message(subscription.channel, row), place))
    has_more = len(rows) >= limits.replay_messages
    is_over = standing is not None and standing.status.is_terminal and not has_more
    return News(tuple(told), place, is_over, has_more)


def changed(tx: Transaction, followed: Collection[str], *, after: int) -> Iterator[tuple[Scope, str, Place]]:
    """Yield up to where there is something in channels, and whose they are, by two statements for all of them.

    Of messages, only channels with some behind the number ``after`` are told of.
    """
    run_ids = [run_id for channel in followed if (run_id := run_id_of(channel)) is not None]
    for environment, tenant, run_id, revision in following.revisions(tx, run_ids) if run_ids else ():
        yield Scope(environment, tenant), run_channel(run_id), Place(revision, 0)
    for environment, tenant, channel, seq in messages.grown(tx, list(followed), after=after):
        yield Scope(environment, tenant), channel, Place(-1, seq)


def _standing(tx: Transaction, subscription: Subscription) -> Standing | None:
    run_id = subscription.run_id
    return None if run_id is None else following.find_standing(tx, subscription.scope, run_id)


def _published(
    tx: Transaction, subscription: Subscription, place: Place, limits: Limits
) -> tuple[Sequence[PublishedRow], Place]:
    scope, channel = subscription.scope, subscription.channel
    if place.seq is None:
        return (), replace(place, seq=messages.newest(tx, scope, channel))
    return messages.find_after(tx, scope, channel, after=place.seq, most=limits.replay_messages), place


def _message(channel: str, row: PublishedRow) -> dict[str, Json]:
    told: dict[str, Json] = {"channel": channel, "topic": row.topic, "data": row.data, "at": rfc3339(row.at_ms)}
    if row.part is not None:
        told["stream"] = {"id": row.part.stream_id, "part": row.part.kind.value}
    return told


def _status(tx: Transaction, subscription: Subscription, standing: Standing, *, after: int) -> dict[str, Json]:
    """Return where a run is, the steps that have changed or are open, and the facts behind a revision."""
    run_id = subscription.run_id or ""
    # Read later than the run's row, so there may be some of a later revision: the next look has those.
    facts = [
        fact
        for fact in following.find_facts(tx, subscription.scope, run_id, after=after)
        if fact.revision <= standing.revision
    ]
    steps = {fact.step: _step(fact.step, fact.kind.value, fact.attempt) for fact in facts if fact.kind.is_final}
    for step in following.find_open_steps(tx, subscription.scope, run_id):
        steps[step.id] = _step(step.id, step.status.value, step.attempt)
    return {
        "run_id": run_id,
        "status": standing.status.value,
        "reason": standing.reason,
        "revision": standing.revision,
        "steps": list(steps.values()),
        "facts": [_fact(fact) for fact in facts],
    }


def _step(step_id: str, status: str, attempt: int) -> dict[str, Json]:
    return {"id": step_id, "status": status, "attempt": attempt}


def _fact(fact: ToldFact) -> dict[str, Json]:
    return {"kind": fact.kind.value, "step": fact.step, "attempt": fact.attempt, "at": rfc3339(fact.at_ms)}
