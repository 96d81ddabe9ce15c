"""Where the values of secrets come from: this installation's database, or a vault that the host application has."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping

from workflowkit.base.scope import Scope


class SecretStore(ABC):
    """Gives the values of secrets to steps that are about to be executed. Thread-safe."""

    @abstractmethod
    def values(self, scope: Scope, names: Collection[str]) -> Mapping[str, str]:
        """Return the values of those of ``names`` that a tenant has.

        Called for each attempt, outside of transactions. Whatever it raises fails the attempt, and may be tried again.
        """

    def names(self, scope: Scope) -> Collection[str] | None:
        """Return the names of a tenant's secrets; ``None`` if that cannot be told: then none is said to be missing."""
        return None


class FixedSecrets(SecretStore):
    """Secrets that stand in memory, the same for all tenants."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = dict(values)

    def __repr__(self) -> str:
        return f"FixedSecrets({', '.join(self._values)})"

    def values(self, scope: Scope, names: Collection[str]) -> Mapping[str, str]:
        return {name: self._values[name] for name in names if name in self._values}

    def names(self, scope: Scope) -> Collection[str]:
        return frozenset(self._values)
