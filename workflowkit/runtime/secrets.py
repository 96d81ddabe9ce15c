"""The secrets of tenants: stored under a name, sealed; opened for a step that is about to be executed, never shown.

A secret is sealed with the installation's keys and bound to its tenant and its name: in another row it opens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from workflowkit.base.errors import AlreadyExists, Conflict, InvalidInput, LimitExceeded, Problem
from workflowkit.base.jsonvalue import text_fault
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.masking import MIN_SECRET_CHARS
from workflowkit.base.scope import Scope
from workflowkit.base.secrets import Keyring, SecretUnreadable
from workflowkit.base.secretstore import SecretStore
from workflowkit.definition.secrets import SECRET_NAME, SECRET_OPEN, secrets_named_in
from workflowkit.runtime.auditing import PROGRAM, Act, By, note
from workflowkit.store import secrets as rows
from workflowkit.store.database import Database
from workflowkit.store.secrets import SecretRecord
from workflowkit.store.transactions import Transaction


class SecretInUse(Conflict):
    """A secret is not deleted while published workflows refer to it."""

    code = "secret-in-use"


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret to store. ``value`` is ``None`` for one that keeps its value and gets another description."""

    name: str
    value: str | None = field(default=None, repr=False)
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Secrets(SecretStore):
    """The secrets in the database. ``keyring`` returns what seals them, ``None`` where the installation has no key."""

    database: Database
    keyring: Callable[[], Keyring | None]
    limits: Limits = DEFAULT_LIMITS

    def set(
        self, scope: Scope, new: NewSecret, *, is_new: bool | None = None, by: By = PROGRAM
    ) -> tuple[SecretRecord, bool]:
        """Store a secret, or replace its value; return its row, and whether there was none before.

        With ``is_new`` it must be one, or must not. Raises ``AlreadyExists``, ``NotFound``, ``InvalidInput`` with all
        problems, ``LimitExceeded``.
        """
        self._check(new)
        with self.database.transaction("secret") as tx:
            # Who changes a description alone writes the value, too: the one that is in force until then.
            current = rows.lock(tx, scope, new.name)
            if current is None and is_new is False:
                rows.get(tx, scope, new.name)  # raises that there is none
            created = current is None and self._insert(tx, scope, new, by)
            if is_new and not created:
                raise AlreadyExists(f"there is a secret {new.name!r} already")
            if not created:
                self._update(tx, scope, new, current, by)
            note(tx, scope, by, Act.SECRET_SET, f"secret:{new.name}", {"created": created})
            return rows.get(tx, scope, new.name), created

    def _insert(self, tx: Transaction, scope: Scope, new: NewSecret, by: By) -> bool:
        if len(rows.names(tx, scope)) >= self.limits.secrets_per_tenant:
            raise LimitExceeded("secrets_per_tenant", self.limits.secrets_per_tenant)
        sealed = self._sealed(scope, new, None)
        return rows.insert(tx, scope, new.name, description=new.description or "", sealed=sealed, actor=by.actor)

    def _update(self, tx: Transaction, scope: Scope, new: NewSecret, current: SecretRecord | None, by: By) -> None:
        before = "" if current is None else current.description
        description = before if new.description is None else new.description
        sealed = self._sealed(scope, new, current)
        rows.update(tx, scope, new.name, description=description, sealed=sealed, actor=by.actor)

    def get(self, scope: Scope, name: str) -> SecretRecord:
        """Return what may be shown of a secret. Raises ``NotFound``."""
        with self.database.read() as tx:
            return rows.get(tx, scope, name)

    def find(self, scope: Scope, *, limit: int, after: str = "") -> list[SecretRecord]:
        """Return up to ``limit`` secrets of a tenant, in order of their names."""
        with self.database.read() as tx:
            return rows.find(tx, scope, limit=limit, after=after)

    def delete(self, scope: Scope, name: str, *, force: bool = False, by: By = PROGRAM) -> None:
        """Delete a secret. Raises ``NotFound``, and ``SecretInUse`` without ``force`` if published workflows use it."""
        with self.database.transaction("secret") as tx:
            users = () if force else _users(tx, scope).get(name, ())
            if users:
                raise SecretInUse(f"the secret {name!r} is used by {', '.join(users)}")
            rows.delete(tx, scope, name)
            note(tx, scope, by, Act.SECRET_DELETED, f"secret:{name}")

    def used_by(self, scope: Scope) -> Mapping[str, tuple[str, ...]]:
        """Return the ids of the published workflows that use a secret, by the secret's name."""
        with self.database.read() as tx:
            return _users(tx, scope)

    # --- for steps

    def values(self, scope: Scope, names: Collection[str]) -> Mapping[str, str]:
        """Return the values of those of ``names`` that exist. Raises ``SecretUnreadable``."""
        with self.database.read() as tx:
            sealed = rows.sealed_values(tx, scope, names)
        keyring = self.keyring()
        if sealed and keyring is None:
            raise SecretUnreadable("there is no WORKFLOWKIT_SECRET_KEY to read a stored secret with")
        # SAFETY: S18 — each opens for its own tenant and name only.
        return {name: keyring.open(text, place_of(scope, name)) for name, text in sealed.items() if keyring is not None}

    def names(self, scope: Scope) -> frozenset[str]:
        """Return the names of a tenant's secrets."""
        with self.database.read() as tx:
            return rows.names(tx, scope)

    # --- inside

    def _sealed(self, scope: Scope, new: NewSecret, current: SecretRecord | None) -> str:
        if new.value is None:
            if current is None:
                raise InvalidInput.at("/value", "required", "a new secret needs a value")
            return current.sealed
        keyring = self.keyring()
        if keyring is None:
            message = "secrets are stored encrypted only: set WORKFLOWKIT_SECRET_KEY"
            raise InvalidInput.at("/value", "no-secret-key", message)
        return keyring.seal(new.value, place_of(scope, new.name))

    def _check(self, new: NewSecret) -> None:
        if problems := list(self._problems(new)):
            raise InvalidInput(problems)

    def _problems(self, new: NewSecret) -> Iterator[Problem]:
        if not SECRET_NAME.fullmatch(new.name):
            message = "a name has 1 to 64 letters, digits, _ . and -, and begins with a letter or digit"
            yield Problem("/name", "invalid-value", message)
        if new.description is not None:
            if len(new.description) > self.limits.secret_description_chars:
                yield Problem("/description", "too-long", f"at most {self.limits.secret_description_chars} characters")
            elif (fault := text_fault(new.description)) is not None:
                yield Problem("/description", *fault)
        if new.value is None:
            return
        if len(new.value.strip()) < MIN_SECRET_CHARS:
            # It would stand in any text by chance, and could not be kept out of what is stored.
            yield Problem("/value", "invalid-value", f"a secret has at least {MIN_SECRET_CHARS} characters")
        elif (fault := text_fault(new.value)) is not None:
            yield Problem("/value", *fault)
        elif len(new.value.encode()) > self.limits.secret_bytes:
            yield Problem("/value", "too-long", f"at most {self.limits.secret_bytes} bytes")


def place_of(scope: Scope, name: str) -> str:
    """Return what a sealed secret is bound to."""
    return "\x1f".join(("secret", scope.environment, scope.tenant, name))


def _users(tx: Transaction, scope: Scope) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for workflow_id, document in rows.documents_with(tx, scope, SECRET_OPEN):
        for name in secrets_named_in(document):
            found[name] = (*found.get(name, ()), workflow_id)
    return found
