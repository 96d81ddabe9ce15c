"""Outputs that are used again (``settings.cache``): one look-up before an action, one small transaction after it."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from workflowkit.base.errors import StoreUnavailable
from workflowkit.base.jsonvalue import canonical
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.base.sealing import ValueUnreadable
from workflowkit.definition.model import Node
from workflowkit.definition.references import ReferenceScope, Template, compile_template, present
from workflowkit.store import stepcache
from workflowkit.store.database import Database

_log = logging.getLogger(__name__)

_MEMO_KEY = "cache"


class Caching:
    """The cache of an installation. Losing an entry costs an execution, so failures are logged and no more."""

    def __init__(self, database: Database, limits: Limits) -> None:
        self._database = database
        self._limits = limits

    def key_of(self, node: Node, scope: ReferenceScope) -> str | None:
        """Return the key of a node's output: see ``cache_key``."""
        return cache_key(node, scope, self._limits)

    def find(self, scope: Scope, cache_key: str) -> tuple[Any] | None:
        """Return the output that is kept, in a tuple; ``None`` if there is none."""
        try:
            with self._database.read() as tx:
                return stepcache.find(tx, scope, cache_key)
        except (StoreUnavailable, ValueUnreadable) as error:
            _log.warning("the cache of steps cannot be read: %s", error)
            return None

    def keep(self, scope: Scope, cache_key: str, output: Any, ttl_ms: int) -> None:
        """Keep an output whose step has been recorded."""
        try:
            with self._database.transaction("cache") as tx:
                stepcache.keep(tx, scope, cache_key, output, ttl_ms=ttl_ms)
        except StoreUnavailable as error:
            _log.warning("an output is not kept: %s", error)


def cache_key(node: Node, scope: ReferenceScope, limits: Limits) -> str | None:
    """Return the key of a node's output; ``None`` if the node has no cache. The same for all runs of a tenant.

    Raises ``LimitExceeded`` if the key would take more than the limits of references allow.
    """
    if node.cache is None:
        return None
    template: Template | None = node.memo.get(_MEMO_KEY)
    if template is None:
        template = node.memo[_MEMO_KEY] = compile_template(node.cache.key, limits)
    return hashlib.sha256(canonical([node.kind, present(template.resolve(scope))])).hexdigest()
