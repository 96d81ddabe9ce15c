"""``wk.secrets``: the secrets of tenants, for the application that stores them on their behalf."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflowkit.base.scope import Scope, scope_or

if TYPE_CHECKING:
    from workflowkit.composition import Runtime


@dataclass(frozen=True, slots=True)
class Vault:
    """The secrets of an installation (docs/secrets.md). ``scope`` is meant where none is named."""

    _runtime: Callable[[], Runtime]
    _scope: Scope

    def set(self, name: str, value: str, *, description: str | None = None, scope: Scope | None = None) -> None:
        """Store a secret, or replace its value. Nothing can show it again.

        Raises ``InvalidInput`` for a bad name, for a value that is too short or too long, and without a key to encrypt
        it with; ``LimitExceeded``; ``Conflict`` where the application has a store of its own.
        """
        from workflowkit.runtime.secrets import NewSecret

        self._runtime().editable_secrets.set(scope_or(scope, self._scope), NewSecret(name, value, description))

    def delete(self, name: str, *, force: bool = False, scope: Scope | None = None) -> None:
        """Delete a secret. Raises ``NotFound``, and ``Conflict`` without ``force`` if published workflows use it."""
        self._runtime().editable_secrets.delete(scope_or(scope, self._scope), name, force=force)

    def names(self, *, scope: Scope | None = None) -> list[str]:
        """Return the names of a tenant's secrets."""
        return sorted(self._runtime().secret_store.names(scope_or(scope, self._scope)) or ())
