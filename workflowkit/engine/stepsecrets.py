"""The secrets of one attempt: put into its inputs right before its handler is called, or asked for by a function."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from workflowkit.base.errors import ActionError, SecretMissing, StoreUnavailable, WorkflowKitError
from workflowkit.base.masking import MIN_SECRET_CHARS, Mask
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.base.secretstore import SecretStore
from workflowkit.definition.inputs import secrets_of, with_secrets
from workflowkit.definition.model import Node
from workflowkit.definition.secrets import SECRET_NAME, secret_reference
from workflowkit.engine.interrupts import shielded
from workflowkit.registry import ActionSpec
from workflowkit.registry.functions import is_function_kind


class AttemptSecrets:
    """What one attempt may know of its tenant's secrets. Thread-safe.

    ``mask`` hides the values that it has been given; ``None`` for an attempt that gets none. Without a ``store``, where
    nothing is real, references stay what they are.
    """

    def __init__(self, mask: Mask | None, store: SecretStore | None = None, scope: Scope = DEFAULT_SCOPE) -> None:
        self.mask = mask
        self._store, self._scope = store, scope
        self._values: dict[str, str] = {}
        self._lock = threading.Lock()

    def value(self, name: str) -> str:
        """Return the value of a secret that a function asks for.

        Must not be called inside a transaction. Raises as ``read_secrets`` does.
        """
        if not isinstance(name, str) or SECRET_NAME.fullmatch(name) is None:
            raise SecretMissing(f"no secret can have the name {name!r}")
        if self._store is None or self.mask is None:
            return secret_reference(name)
        # Not interrupted: it may be a transaction of ours.
        with shielded(), self._lock:
            if name not in self._values:
                values = read_secrets(self._store, self._scope, (name,))
                # SAFETY: S18 — what hides a value knows it before the handler does.
                self.mask.learn(values)
                self._values.update(values)
            return self._values[name]


def open_secrets(
    store: SecretStore | None, scope: Scope, node: Node, spec: ActionSpec, inputs: dict[str, Any]
) -> AttemptSecrets:
    """Put the secrets that a document gives to ``node`` into its resolved inputs; return what hides them again.

    A function is given what it asks for, also where its steps are undone. A step without secrets asks nobody. Must not
    be called inside a transaction. Raises ``SecretMissing``, ``InvalidInput`` where the action does not take a value,
    ``StoreUnavailable``, and ``ActionError`` where the store does not answer.
    """
    if is_function_kind(node.kind) or spec.undoes_steps:
        return AttemptSecrets(Mask({}), store, scope)
    uses = () if store is None else secrets_of(node, spec)
    if store is None or not uses:
        return AttemptSecrets(None)
    values = read_secrets(store, scope, (use.name for use in uses))
    with_secrets(node, spec, inputs, values)
    return AttemptSecrets(Mask(values))


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
