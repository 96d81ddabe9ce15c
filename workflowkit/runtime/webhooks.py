"""The webhooks of an installation, as their owners see them: made, changed, given new URLs, tried out.

The URL of a webhook ends in a token of 256 random bits, of which only a hash is stored, as of an API key. Its secrets
are stored encrypted and leave the process in no answer.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from workflowkit.base import ids, jsonvalue
from workflowkit.base.errors import AlreadyExists, ExpressionError, InvalidInput, Problem
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.scope import Scope
from workflowkit.base.secrets import Keyring, SecretUnreadable
from workflowkit.definition.model import Json
from workflowkit.definition.patterns import is_listed
from workflowkit.runtime.auditing import PROGRAM, Act, By, note
from workflowkit.runtime.incoming import parse_event
from workflowkit.store import webhooks as rows
from workflowkit.store.database import Database
from workflowkit.store.webhooks import WebhookRecord
from workflowkit.webhooks.delivery import Delivery
from workflowkit.webhooks.presets import Verification
from workflowkit.webhooks.settings import (
    WebhookSettings,
    name_problems,
    parse_verification,
    restriction_problems,
    secret_problems,
)
from workflowkit.webhooks.transform import EVENT_NAME_NOT_ALLOWED, Transform, check_transform


@dataclass(frozen=True, slots=True)
class Preview:
    """What a webhook would make of a delivery: an event, or the reason why none, or what is wrong with it."""

    event: Mapping[str, Any] | None
    reason: str = ""
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Webhooks:
    """The stored webhooks.

    ``keyring`` returns what secrets are encrypted with, ``None`` where the installation has no key. Names in
    ``taken`` belong to the application's own webhooks.
    """

    database: Database
    keyring: Callable[[], Keyring | None]
    limits: Limits = DEFAULT_LIMITS
    taken: Container[str] = ()

    def create(
        self, scope: Scope, name: str, settings: WebhookSettings, *, secrets: Sequence[str] = (), by: By = PROGRAM
    ) -> tuple[WebhookRecord, str]:
        """Make a webhook and return its row and its token, which nothing can show again.

        Raises ``InvalidInput`` with all problems, ``LimitExceeded``, ``AlreadyExists``.
        """
        scheme = self._checked(settings, name)
        _raise_for(list(secret_problems(scheme, secrets)))
        if name in self.taken:
            raise AlreadyExists(f"there is a webhook {name!r} already")
        sealed, token = self._seal(scope, name, secrets), ids.random_token()
        with self.database.transaction("webhook") as tx:
            record = _record(scope, name, settings, sealed, now_ms=tx.now_ms)
            rows.insert(tx, scope, record, token_hash=ids.token_hash(token))
            note(tx, scope, by, Act.WEBHOOK_CREATED, f"webhook:{name}")
        return record, token

    def get(self, scope: Scope, name: str) -> WebhookRecord:
        """Return a webhook. Raises ``NotFound``."""
        with self.database.read() as tx:
            return rows.get(tx, scope, name)

    def find(self, scope: Scope, *, limit: int, after: str = "") -> list[WebhookRecord]:
        """Return up to ``limit`` webhooks of a tenant, in order of their names."""
        with self.database.read() as tx:
            return rows.find(tx, scope, limit=limit, after=after)

    def update(
        self,
        scope: Scope,
        name: str,
        settings: WebhookSettings,
        *,
        secrets: Sequence[str] | None = None,
        by: By = PROGRAM,
    ) -> WebhookRecord:
        """Replace what a webhook is told; its secrets too, unless ``secrets`` is ``None``. The URL stays.

        Raises ``NotFound``, ``InvalidInput``, ``LimitExceeded``.
        """
        scheme = self._checked(settings)
        with self.database.transaction("webhook") as tx:
            # Its secrets are written, too: those that are in force until then.
            current = rows.lock(tx, scope, name)
            in_force = self.secrets_of(current) if secrets is None else tuple(secrets)
            _raise_for(list(secret_problems(scheme, in_force)))
            sealed = current.secrets if secrets is None else self._seal(scope, name, in_force)
            changed = _record(scope, name, settings, sealed, now_ms=tx.now_ms)
            record = replace(
                changed, created_at_ms=current.created_at_ms, last_received_at_ms=current.last_received_at_ms
            )
            rows.update(tx, scope, record)
            note(tx, scope, by, Act.WEBHOOK_CHANGED, f"webhook:{name}")
        return record

    def rotate(self, scope: Scope, name: str, *, by: By = PROGRAM) -> tuple[WebhookRecord, str]:
        """Give a webhook a new URL; the old one ends at once. Return the row and the new token. Raises ``NotFound``."""
        token = ids.random_token()
        with self.database.transaction("webhook") as tx:
            rows.set_token(tx, scope, name, token_hash=ids.token_hash(token))
            note(tx, scope, by, Act.WEBHOOK_ROTATED, f"webhook:{name}")
            return rows.get(tx, scope, name), token

    def delete(self, scope: Scope, name: str, *, by: By = PROGRAM) -> None:
        """Delete a webhook. Its events stay. Raises ``NotFound``."""
        with self.database.transaction("webhook") as tx:
            rows.delete(tx, scope, name)
            note(tx, scope, by, Act.WEBHOOK_DELETED, f"webhook:{name}")

    def preview(self, record: WebhookRecord, delivery: Delivery, *, transform: Json = None) -> Preview:
        """Show what would become of a delivery, by another ``transform`` if one is given. Nothing is stored.

        Raises ``InvalidInput`` if ``transform`` cannot work, and what reading the delivery raises.
        """
        if transform is not None:
            _raise_for(check_transform(transform, self.limits))
        roots = delivery.as_roots()
        chosen = Transform(record.name, record.transform if transform is None else transform, self.limits)
        try:
            mapped = chosen.apply(roots, now_ms=self.database.clock.now_ms())
            if mapped.event is None:
                return Preview(None, mapped.reason)
            parse_event(mapped.event, self.limits, pointer="/event")
        except InvalidInput as error:
            return Preview(None, problems=error.problems)
        except ExpressionError as error:
            return Preview(None, problems=(Problem("/transform/if", error.code, error.message),))
        reason = "" if is_listed(record.event_names, mapped.event["name"]) else EVENT_NAME_NOT_ALLOWED
        return Preview(mapped.event, reason)

    def secrets_of(self, record: WebhookRecord) -> tuple[str, ...]:
        """Return the secrets that are in force for a webhook. Raises ``SecretUnreadable``."""
        if record.secrets is None:
            return ()
        keyring = self.keyring()
        if keyring is None:
            raise SecretUnreadable("there is no WORKFLOWKIT_SECRET_KEY to read a stored secret with")
        return tuple(jsonvalue.loads(keyring.open(record.secrets, place_of(record.scope, record.name))))

    def _seal(self, scope: Scope, name: str, secrets: Sequence[str]) -> str | None:
        if not secrets:
            return None
        keyring = self.keyring()
        if keyring is None:
            message = "secrets are stored encrypted only: set WORKFLOWKIT_SECRET_KEY"
            raise InvalidInput.at("/secrets", "no-secret-key", message)
        return keyring.seal(jsonvalue.dumps(list(secrets)), place_of(scope, name))

    def _checked(self, settings: WebhookSettings, name: str | None = None) -> Verification:
        problems = [] if name is None else list(name_problems(name))
        problems += restriction_problems(settings)
        if settings.transform is not None:
            problems += check_transform(settings.transform, self.limits)
        try:
            scheme = parse_verification(settings.verification)
        except InvalidInput as error:
            raise InvalidInput([*problems, *error.problems]) from error
        _raise_for(problems)
        return scheme


def place_of(scope: Scope, name: str) -> str:
    """Return what the sealed secrets of a webhook are bound to."""
    return "\x1f".join(("webhook", scope.environment, scope.tenant, name))


def _record(scope: Scope, name: str, settings: WebhookSettings, secrets: str | None, *, now_ms: int) -> WebhookRecord:
    return WebhookRecord(
        scope=scope,
        name=name,
        verification=settings.verification,
        transform=settings.transform,
        event_names=settings.event_names,
        cidrs=settings.cidrs,
        enabled=settings.enabled,
        created_at_ms=now_ms,
        updated_at_ms=now_ms,
        secrets=secrets,
    )


def _raise_for(problems: Sequence[Problem]) -> None:
    if problems:
        raise InvalidInput(problems)
