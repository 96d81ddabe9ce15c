"""Publishing messages, and the tokens by which others may follow them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from workflowkit.base.clock import Clock
from workflowkit.base.errors import InvalidInput, Problem, Unauthenticated
from workflowkit.base.jsonvalue import Json
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.scope import Scope
from workflowkit.base.secrets import Keyring
from workflowkit.base.tokens import Tokens
from workflowkit.engine.channels import Message, Part, new_message, subscription_problems
from workflowkit.runtime.following import Subscription
from workflowkit.runtime.timers import NOTHING, Fired, Timers
from workflowkit.store import messages, timers
from workflowkit.store.database import Database
from workflowkit.store.timers import TimerRow
from workflowkit.store.transactions import Transaction

#: The kind of the timers after which messages are forgotten: one for each minute in which a tenant published any.
FORGET_TIMER = "messages"
_WHILE_MS = 60_000
_FORGOTTEN_AT_ONCE = 1_000
#: How long a token is good for connecting unless something else is said.
DEFAULT_TTL_SECONDS = 60.0
#: What tokens of subscribers are signed for.
_PURPOSE = "realtime"


class Publishing:
    """Publishes messages to channels of tenants."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    def publish(self, scope: Scope, channel: str, topic: str, data: Any, *, part: Part | None = None) -> None:
        """Publish a message at once. Each call publishes one.

        Raises ``InvalidInput`` for bad names and for what is no JSON, ``LimitExceeded``, ``StoreUnavailable``.
        """
        self.send(scope, new_message(channel, topic, data, self._limits, part=part))

    def send(self, scope: Scope, message: Message) -> None:
        """Publish a message that was checked. Raises ``StoreUnavailable``."""
        with self._database.transaction("message") as tx:
            self.join(tx, scope, [message])

    def join(self, tx: Transaction, scope: Scope, published: Sequence[Message]) -> None:
        """Publish messages if and only if a transaction commits. Locks their channels, after everything else."""
        if published:
            timers.plan(tx, [self._end_of_a_while(scope, tx.now_ms)])
            messages.insert(tx, scope, published)

    def register(self, timers: Timers) -> None:
        """Let timers forget what is too old."""
        timers.handle(FORGET_TIMER, self._forget)

    def _end_of_a_while(self, scope: Scope, now_ms: int) -> TimerRow:
        """Return the timer after which all messages of the present minute are forgotten."""
        begins_ms = now_ms - now_ms % _WHILE_MS
        name = f"{scope.environment}/{scope.tenant}/{begins_ms}"
        due_at_ms = begins_ms + _WHILE_MS + self._limits.replay_seconds * 1000
        return TimerRow(f"{FORGET_TIMER}:{name}", FORGET_TIMER, scope, name, due_at_ms)

    def _forget(self, tx: Transaction, timer: TimerRow) -> Fired:
        until_ms = timer.due_at_ms - self._limits.replay_seconds * 1000
        gone = messages.forget(tx, timer.scope, until_ms=until_ms, most=_FORGOTTEN_AT_ONCE)
        # Put off with its time, so that the next one knows what is old; it is due already.
        return Fired(again_at_ms=timer.due_at_ms) if gone == _FORGOTTEN_AT_ONCE else NOTHING


@dataclass(frozen=True, slots=True)
class SubscriptionToken:
    """A token, and when it ends."""

    token: str
    expires_at_ms: int


@dataclass(frozen=True, slots=True)
class SubscriptionTokens:
    """Mints and reads the tokens of subscribers.

    ``keyring`` returns what signs them, ``None`` where the installation has no key.
    """

    keyring: Callable[[], Keyring | None]
    clock: Clock
    limits: Limits = DEFAULT_LIMITS

    def mint(
        self, scope: Scope, channel: str, topics: Sequence[str], *, ttl_seconds: float = DEFAULT_TTL_SECONDS
    ) -> SubscriptionToken:
        """Return a token with which these topics of a channel, and nothing else, can be followed.

        It is good for connecting during ``ttl_seconds``; a stream that has begun goes on for ``stream_seconds``. Raises
        ``InvalidInput`` for what no token may say, and where there is no key to sign it with.
        """
        keyring = self.keyring()
        problems = subscription_problems(channel, topics, self.limits)
        if not 0 < ttl_seconds <= self.limits.token_seconds:
            message = f"limit token_seconds exceeded: more than 0 and at most {self.limits.token_seconds}"
            problems.append(Problem("/ttl_seconds", "limit-exceeded", message))
        if keyring is None:
            problems.append(Problem("", "no-secret-key", "to sign tokens, set WORKFLOWKIT_SECRET_KEY"))
        if keyring is None or problems:
            raise InvalidInput(problems)
        claims: dict[str, Json] = {
            "environment": scope.environment,
            "tenant": scope.tenant,
            "channel": channel,
            "topics": list[Json](sorted(set(topics))),
        }
        token = Tokens(keyring, self.clock).mint(_PURPOSE, claims, ttl_seconds=ttl_seconds)
        return SubscriptionToken(token, self.clock.now_ms() + int(ttl_seconds * 1000))

    def read(self, token: str) -> Subscription:
        """Return what a token admits to. Raises ``Unauthenticated`` for one that is no longer good, or never was."""
        keyring = self.keyring()
        claims = None if keyring is None else Tokens(keyring, self.clock).read(_PURPOSE, token)
        match claims:
            case {"environment": str(environment), "tenant": str(tenant), "channel": str(channel), "topics": list(all)}:
                topics = frozenset(topic for topic in all if isinstance(topic, str))
                return Subscription(Scope(environment, tenant), channel, topics)
            case _:
                raise Unauthenticated("the token has expired, or is none of ours: ask for a new one")
