"""What an endpoint says of itself: to everybody how much there is, to who has the key what it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Protocol

from workflowkit import __version__
from workflowkit.inngest.serving.options import SDK_NAME, EndpointConfig
from workflowkit.inngest.serving.served import Served
from workflowkit.inngest.signing import key_hash

CAPABILITIES = {"in_band_sync": "v1", "trust_probe": "v1"}
_SCHEMA = "2024-05-24"


class Inspected(Protocol):
    """An endpoint."""

    @property
    def config(self) -> EndpointConfig: ...
    @property
    def served(self) -> Mapping[str, Served]: ...
    @property
    def framework(self) -> str: ...


def inspection(endpoint: Inspected, *, is_trusted: bool) -> dict[str, Any]:
    """Return what an endpoint is. SAFETY: those who are not trusted see counts, and whether there are keys."""
    config, keys = endpoint.config, endpoint.config.keys
    told = {
        "schema_version": _SCHEMA,
        "function_count": len(endpoint.served),
        "has_event_key": config.event_key is not None,
        "has_signing_key": keys.current is not None,
        "has_signing_key_fallback": keys.fallback is not None,
        "mode": config.mode,
    }
    if not is_trusted:
        return told
    event_key = config.event_key
    return told | {
        "api_origin": config.api_origin,
        "app_id": config.app_id,
        "authentication_succeeded": True,
        "capabilities": CAPABILITIES,
        "env": config.environment,
        "event_api_origin": config.event_origin,
        "event_key_hash": None if event_key is None else hashlib.sha256(event_key.encode()).hexdigest(),
        "framework": endpoint.framework,
        "sdk_language": SDK_NAME,
        "sdk_version": __version__,
        "serve_origin": config.origin,
        "serve_path": config.path,
        "signing_key_hash": None if keys.current is None else key_hash(keys.current),
        "signing_key_fallback_hash": None if keys.fallback is None else key_hash(keys.fallback),
    }
