"""The secrets of one attempt: put into its inputs right before its handler is called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from workflowkit.base.errors import ActionError, SecretMissing, StoreUnavailable, WorkflowKitError
from workflowkit.base.masking import MIN_SECRET_CHARS, Mask
from workflowkit.base.scope import Scope
from workflowkit.base.secretstore import SecretStore
from workflowkit.definition.inputs import secrets_of, with_secrets
from workflowkit.definition.model import Node
from workflowkit.registry import ActionSpec


def open_secrets(store: SecretStore, scope: Scope, node: Node, spec: ActionSpec, inputs: dict[str, Any]) -> Mask | None:
    """Put the secrets that a document gives to ``node`` into its resolved inputs; return what hides them again.

    ``None`` for a step without secrets, which asks nobody. Must not be called inside a transaction. Raises
    ``SecretMissing``, ``InvalidInput`` where the action does not take a value, ``StoreUnavailable``, and
    ``ActionError`` where the store does not answer.
    """
    uses = secrets_of(node, spec)
    if not uses:
        return None
    values = read_secrets(store, scope, (use.name for use in uses))
    with_secrets(node, spec, inputs, values)
    return Mask(values)


def read_secrets(store: SecretStore, scope: Scope, names: Iterable[str]) -> Mapping[str, str]:
    """Return the values of a tenant's secrets, all of them.

    Raises ``SecretMissing``, ``StoreUnavailable``, and ``ActionError`` where the store does not answer.
    """
    wanted = sorted(set(names))
    try:
        values = dict(store.values(scope, wanted))
    except StoreUnavailable:
        raise
    except Exception as error:
        # SAFETY: S18 — what a vault of the application says may have a value in it. Ours says itself what is wrong.
        message = error.message if isinstance(error, WorkflowKitError) else type(error).__name__
        raise ActionError(f"the secrets cannot be read: {message}") from None
    for name in wanted:
        _check(name, values.get(name))
    return {name: values[name] for name in wanted}


def _check(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise SecretMissing(f"there is no secret {name!r}")
    if len(value.strip()) < MIN_SECRET_CHARS:
        raise SecretMissing(f"the secret {name!r} is too short to be one: at least {MIN_SECRET_CHARS} characters")
