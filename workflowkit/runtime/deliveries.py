"""Deliveries to webhooks become events. One transaction; a delivery that is refused leaves nothing behind.

In this order: the URL's token says whose it is, the sender's address is held against the webhook's networks, the
signature is checked over the bytes as they came, and only then anything of them is read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from workflowkit.base.errors import ExpressionError, InvalidInput, NotFound, WorkflowKitError
from workflowkit.base.ids import token_hash
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.scope import DEFAULT_SCOPE, Scope, check_tenant
from workflowkit.definition.patterns import is_listed
from workflowkit.runtime.incoming import IncomingEvent, parse_event
from workflowkit.runtime.intake import Accepted, Intake
from workflowkit.runtime.samples import Samples
from workflowkit.runtime.webhooks import Webhooks
from workflowkit.store import webhookoutcomes as outcomes
from workflowkit.store import webhooks as rows
from workflowkit.store import webhooksamples as samplerows
from workflowkit.store.database import Database
from workflowkit.store.webhookoutcomes import DeliveryOutcome
from workflowkit.webhooks.delivery import Delivery
from workflowkit.webhooks.presets import challenge_of
from workflowkit.webhooks.settings import allows_address, parse_verification
from workflowkit.webhooks.signing import TOLERANCE_SECONDS, DeliveryRefused, Fault
from workflowkit.webhooks.sources import Verify
from workflowkit.webhooks.transform import EVENT_NAME_NOT_ALLOWED, Transform

#: How long a signed delivery is remembered. A time from the far end of the tolerance is good for twice the tolerance,
#: and the memory must be the longer of the two.
REPLAY_WINDOW_MS = (2 * TOLERANCE_SECONDS + 1) * 1000
#: How fine ``last_received_at`` is: each delivery would otherwise lock the webhook's row.
LAST_RECEIVED_RESOLUTION_MS = 60_000
#: How often it is noted that deliveries are refused or repeated: whoever sends many of them costs reads.
OUTCOME_RESOLUTION_MS = 10_000
#: Why a Python function made no event.
NO_EVENT = "no-event"
#: The application says of a delivery that it is no tenant's.
NO_TENANT = "no-tenant"
#: The same delivery, byte by byte, was taken before.
SENT_AGAIN = "sent-again"
#: The provider asks whether the URL is ours.
CHALLENGE = "challenge"

_FORGET_AT_ONCE = 100
_TOKEN = re.compile(r"[0-9A-Z]{52}")
_log = logging.getLogger("workflowkit.webhooks")

#: Makes one event, several, or none of a genuine delivery.
Handler = Callable[[Delivery], Mapping[str, Any] | Sequence[Mapping[str, Any]] | None]

#: Says whose a genuine delivery is; ``None``: nobody's.
ScopeOf = Callable[[Delivery], Scope | None]


class WebhookDisabled(WorkflowKitError):
    """The webhook is switched off."""

    code = "webhook-disabled"


@dataclass(frozen=True, slots=True)
class Source:
    """A webhook that takes deliveries: where its events go, how they are verified, and what makes them.

    With ``scope_of`` the events of a delivery go where that says; ``scope`` is where deliveries are remembered.
    """

    name: str
    verify: Verify
    maker: Transform | Handler
    scope: Scope = DEFAULT_SCOPE
    event_names: tuple[str, ...] | None = None
    scope_of: ScopeOf | None = None
    sample_until_ms: int = 0
    """Until when somebody waits for a delivery to try a mapping on."""

    def may_reach(self, scope: Scope) -> bool:
        """Return whether its events may go to a tenant."""
        return self.scope_of is not None or self.scope == scope


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a genuine delivery. ``reason`` says why one was ignored; ``challenge`` is to be repeated."""

    status: Literal["accepted", "duplicate", "ignored"]
    events: tuple[Accepted, ...] = ()
    reason: str = ""
    challenge: str | None = None


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Takes deliveries for the stored webhooks, and for the application's own (``own``, by name)."""

    database: Database
    intake: Intake
    webhooks: Webhooks
    own: Mapping[str, Source]
    limits: Limits = DEFAULT_LIMITS

    @property
    def samples(self) -> Samples:
        """The deliveries that somebody has asked for."""
        return Samples(self.database, self.webhooks.keyring)

    def known_among(self, scope: Scope, names: Collection[str]) -> set[str]:
        """Return those of ``names`` that are names of webhooks through which events come to a tenant."""
        own = {name for name in names if name in self.own}
        with self.database.read() as tx:
            stored = rows.names_among(tx, scope, [name for name in names if name not in own])
        return stored | {name for name in own if self.own[name].may_reach(scope)}

    def known(self, scope: Scope, *, limit: int) -> list[str]:
        """Return up to ``limit`` names of webhooks through which events come to a tenant, in their order."""
        own = {name for name, source in self.own.items() if source.may_reach(scope)}
        stored = {record.name for record in self.webhooks.find(scope, limit=limit)} - self.own.keys()
        return sorted(own | stored)[:limit]

    def own_of(self, scope: Scope) -> list[Source]:
        """Return the application's webhooks through which events come to a tenant, in order of their names."""
        return [source for _, source in sorted(self.own.items()) if source.may_reach(scope)]

    def outcomes_of(self, scope: Scope, name: str) -> list[DeliveryOutcome]:
        """Return what became of the last deliveries to a webhook of a tenant, newest first. Raises ``NotFound``."""
        with self.database.read() as tx:
            if name not in self.own or not self.own[name].may_reach(scope):
                rows.get(tx, scope, name)  # raises that there is none
            return outcomes.find(tx, scope, name)

    def last_outcomes(self, scope: Scope, names: Collection[str]) -> Mapping[str, DeliveryOutcome]:
        """Return what became of the last delivery to each of some webhooks of a tenant that has got one."""
        with self.database.read() as tx:
            return outcomes.find_last(tx, scope, names)

    def started_by(self, scope: Scope, names: Collection[str]) -> Mapping[str, tuple[str, ...]]:
        """Return the ids of the published workflows and functions that start from each of some webhooks."""
        with self.database.read() as tx:
            return rows.started_by(tx, scope, names)

    def find(self, token: str, address: str) -> Source:
        """Return the webhook whose URL ends in ``token``: a stored one's token, or the name of one of the application.

        Raises ``NotFound``, ``WebhookDisabled``, or ``DeliveryRefused`` where ``address`` may not send.
        """
        if (own := self.own.get(token)) is not None:
            return own
        record = wanted = None
        if _TOKEN.fullmatch(token):
            with self.database.read() as tx:
                record = rows.find_by_token(tx, token_hash(token))
                wanted = None if record is None else samplerows.get(tx, record.scope, record.name)
        if record is None or record.name in self.own:
            # SAFETY: S16 — the application's functions serve every tenant: what starts them from a webhook of the
            # application's must not be started by a tenant's webhook that had the name before.
            raise NotFound("there is no such webhook")
        if not record.enabled:
            self._note_refused(record.scope, record.name, WebhookDisabled.code)
            raise WebhookDisabled("the webhook is switched off")
        if not allows_address(record.cidrs, address):
            _log.info("webhook %s refused a delivery: its sender's address is not listed", record.name)
            self._note_refused(record.scope, record.name, Fault.SENDER_NOT_ALLOWED)
            raise DeliveryRefused("its sender's address is not listed", Fault.SENDER_NOT_ALLOWED)
        verify = Verify(parse_verification(record.verification), self.webhooks.secrets_of(record))
        transform = Transform(record.name, record.transform, self.limits)
        return Source(
            record.name, verify, transform, record.scope, record.event_names,
            sample_until_ms=0 if wanted is None else wanted.wanted_until_ms,
        )  # fmt: skip

    def receive(self, source: Source, delivery: Delivery) -> Received:
        """Verify a delivery and store its events. A signed one that is sent again has no effect.

        Raises ``DeliveryRefused``; what reading the body raises; ``InvalidInput`` if no event can be made of it.
        """
        now_ms = self.database.clock.now_ms()
        try:
            # SAFETY: S16 — over the raw bytes, before anything of them is read.
            identity = source.verify(delivery, now_ms)
        except DeliveryRefused as error:
            _log.info("webhook %s refused a delivery: %s", source.name, error.reason)
            self.note_refused(source, error)
            raise
        if (challenge := challenge_of(source.verify.scheme, delivery)) is not None:
            return Received("ignored", reason=CHALLENGE, challenge=challenge)
        if source.sample_until_ms > now_ms:
            # Before any event is made of it: one of which none can be made is the one to look at.
            self.samples.keep(source.scope, source.name, delivery)
        # SAFETY: S16 — only a genuine delivery is asked whose it is.
        owner = source.scope if source.scope_of is None else source.scope_of(delivery)
        if owner is None:
            return self._store(source, source.scope, identity, (), NO_TENANT)
        try:
            events, reason = self._events(source, delivery, now_ms)
        except WorkflowKitError as error:
            self.note_refused(source, error)
            raise
        return self._store(source, check_tenant(owner), identity, events, reason)

    def note_refused(self, source: Source, error: WorkflowKitError) -> None:
        """Keep for the webhook's owner that a delivery was refused, and why. Nothing of the delivery is kept."""
        reason, detail = _told(error)
        # The deliveries of a webhook of many tenants are the application's business.
        if source.scope_of is None:
            self._note_refused(source.scope, source.name, reason, detail)

    def _note_refused(self, scope: Scope, name: str, reason: str, detail: str = "") -> None:
        # SAFETY: S16 — whoever may not deliver can neither fill the database nor keep it busy: one row for each
        # reason, written once in a while.
        with self.database.read() as tx:
            before_ms = tx.now_ms - OUTCOME_RESOLUTION_MS
            if outcomes.was_noted(tx, scope, name, status="refused", reason=reason, after_ms=before_ms):
                return
        with self.database.transaction("delivery") as tx:
            not_after_ms = tx.now_ms - OUTCOME_RESOLUTION_MS
            outcomes.set_last(
                tx, scope, name, status="refused", reason=reason, detail=detail, not_after_ms=not_after_ms
            )

    def _store(
        self, source: Source, owner: Scope, identity: str | None, events: Sequence[IncomingEvent], reason: str
    ) -> Received:
        # SAFETY: S16 — remembered in one place, whoever's it is: what says whose need not be signed, and a delivery
        # that is sent again must not count for another tenant.
        scope, name = source.scope, source.name
        with self.database.transaction("delivery") as tx:
            if identity is not None:
                # SAFETY: S16 — remembered in the transaction that stores the events: both, or neither.
                if not rows.claim_delivery(tx, scope, name, identity=identity, window_ms=REPLAY_WINDOW_MS):
                    if source.scope_of is None:
                        not_after_ms = tx.now_ms - OUTCOME_RESOLUTION_MS
                        outcomes.set_last(
                            tx, scope, name, status="duplicate", reason=SENT_AGAIN, not_after_ms=not_after_ms
                        )
                    return Received("duplicate")
                rows.forget_deliveries(tx, scope, name, limit=_FORGET_AT_ONCE)
            rows.touch(tx, scope, name, not_after_ms=tx.now_ms - LAST_RECEIVED_RESOLUTION_MS)
            accepted = self.intake.store(tx, owner, events) if events else []
            received = _received(accepted, reason)
            if source.scope_of is None:
                named = [(event.id, event.name) for event in accepted]
                outcomes.insert(tx, scope, name, status=received.status, reason=received.reason, events=named)
        self.intake.hint(accepted)
        return received

    def _events(self, source: Source, delivery: Delivery, now_ms: int) -> tuple[list[IncomingEvent], str]:
        """Return the events of a delivery, marked with their webhook; or none and the reason."""
        if isinstance(source.maker, Transform):
            made, reason = self._transformed(source, source.maker, delivery, now_ms)
        else:
            found = source.maker(delivery)
            made, reason = [found] if isinstance(found, Mapping) else list(found or ()), NO_EVENT
        incoming = [self._incoming(source, value) for value in made]
        allowed = [event for event in incoming if is_listed(source.event_names, event.name)]
        return allowed, EVENT_NAME_NOT_ALLOWED if made and not allowed else reason

    def _transformed(
        self, source: Source, transform: Transform, delivery: Delivery, now_ms: int
    ) -> tuple[list[Mapping[str, Any]], str]:
        roots = delivery.as_roots()
        try:
            mapped = transform.apply(roots, now_ms=now_ms)
        except (InvalidInput, ExpressionError) as error:
            raise _unusable(source, error) from error
        return ([] if mapped.event is None else [mapped.event]), mapped.reason

    def _incoming(self, source: Source, value: Mapping[str, Any]) -> IncomingEvent:
        try:
            event = parse_event(dict(value), self.limits)
        except InvalidInput as error:
            raise _unusable(source, error) from error
        # SAFETY: S16 — set after the event was made: nothing in a delivery or in a transform reaches this key.
        return replace(event, extra={**event.extra, "webhook": source.name})


def _received(accepted: Sequence[Accepted], reason: str) -> Received:
    if not accepted:
        return Received("ignored", reason=reason)
    is_new = any(event.duplicate_of is None for event in accepted)
    return Received("accepted" if is_new else "duplicate", tuple(accepted))


def _told(error: WorkflowKitError) -> tuple[str, str]:
    """Return what the owner of a webhook is told of an error: a code, and more about it if the sender was genuine."""
    if isinstance(error, DeliveryRefused):
        return error.fault, ""
    cause = error.__cause__ if isinstance(error.__cause__, WorkflowKitError) else None
    code = error.problems[0].code if isinstance(error, InvalidInput) else error.code
    return code, "" if cause is None else cause.message


def _unusable(source: Source, error: WorkflowKitError) -> InvalidInput:
    _log.warning("webhook %s could make no event of a delivery: %s", source.name, error.message)
    return InvalidInput.at("", "unusable-delivery", "no event can be made of this delivery")
