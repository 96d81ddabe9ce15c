"""What an endpoint is told: by its caller, else by the variables that Inngest's SDKs read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict
from urllib.parse import urlsplit

from workflowkit import __version__
from workflowkit.base.errors import InvalidInput, Problem
from workflowkit.inngest.replies import SDK_HEADER, VERSION_HEADER
from workflowkit.inngest.serving.checkpointing import Checkpointing, CheckpointOptions, read_checkpointing
from workflowkit.inngest.signing import SigningKeys

#: What the protocol knows us as, and the version of it that is spoken.
SDK_NAME, PROTOCOL_VERSION = "workflowkit", "2"
EXPECTED_KIND_HEADER = "x-inngest-expected-server-kind"
DEFAULT_PATH = "/api/inngest"
DEV_ORIGIN = "http://127.0.0.1:8288"
MAX_THREADS = 1_000
#: Why nobody who does not sign can have an app registered.
NO_ORIGIN = "serve_origin (INNGEST_SERVE_ORIGIN) is not set, which says where this app is"
_CLOUD_API, _CLOUD_EVENTS = "https://api.inngest.com", "https://inn.gs"


class ServeOptions(TypedDict, total=False):
    """What may be said about an endpoint. What is left out is taken from the variable named, if it is set."""

    app_id: str
    """What the app is called. Default: the id of the application."""
    signing_key: str
    """``INNGEST_SIGNING_KEY``: what calls are signed with."""
    signing_key_fallback: str
    """``INNGEST_SIGNING_KEY_FALLBACK``: the key before or after it, taken as well."""
    event_key: str
    """``INNGEST_EVENT_KEY``: what may send events."""
    is_dev: bool
    """``INNGEST_DEV`` (1, 0, or the address of a dev server): whether calls need no signature. Default: false."""
    base_url: str
    """``INNGEST_BASE_URL``: where the server is, for everything that has no address of its own."""
    api_base_url: str
    """``INNGEST_API_BASE_URL``"""
    event_base_url: str
    """``INNGEST_EVENT_API_BASE_URL``"""
    environment: str
    """``INNGEST_ENV``: the branch environment that the app belongs to."""
    serve_origin: str
    """``INNGEST_SERVE_ORIGIN``: how the app is reached, such as ``https://shop.example.com``. Default: as the request
    was, which must be signed then, or come from a dev server."""
    serve_path: str
    """``INNGEST_SERVE_PATH``: at which path the app is reached. Default: that of the request."""
    streaming: bool
    """``INNGEST_STREAMING`` (``force``): whether answers begin at once, so that nobody between gives up waiting."""
    checkpointing: bool | CheckpointOptions
    """Whether a call goes on after a plain step, whose result is saved meanwhile. Default: false."""
    max_threads: int
    """``INNGEST_THREAD_POOL_MAX_WORKERS``: on how many threads an ASGI application performs handlers. Default: as many
    as Python's own pool has."""
    log_level: str
    """``INNGEST_LOG_LEVEL``: of the logger ``workflowkit.serving``."""


@dataclass(frozen=True, slots=True)
class EndpointConfig:
    """Everything an endpoint goes by. ``origin`` and ``path`` are ``None`` where the request says where the app is."""

    app_id: str
    app_version: str | None
    keys: SigningKeys
    is_dev: bool
    api_origin: str
    event_origin: str
    event_key: str | None = field(default=None, repr=False)
    environment: str | None = None
    origin: str | None = None
    path: str | None = None
    streaming: bool = False
    checkpointing: Checkpointing | None = None
    max_threads: int | None = None
    log_level: str | None = None

    @property
    def mode(self) -> str:
        """The kind of server that may call."""
        return "dev" if self.is_dev else "cloud"

    def headers(self, framework: str) -> dict[str, str]:
        """Return what every request and answer of the endpoint says of it."""
        return {
            SDK_HEADER: f"{SDK_NAME}:v{__version__}", VERSION_HEADER: PROTOCOL_VERSION,
            EXPECTED_KIND_HEADER: self.mode, "x-inngest-framework": framework,
            **({"x-inngest-env": self.environment} if self.environment else {}),
        }  # fmt: skip


def read_options(
    app_id: str, app_version: str | None, keys: SigningKeys, options: ServeOptions, environ: Mapping[str, str]
) -> EndpointConfig:
    """Return what an endpoint goes by; ``keys`` are the installation's.

    Raises ``InvalidInput`` without a signing key outside of development, and for what is no address.
    """
    dev = environ.get("INNGEST_DEV", "").strip()
    is_dev = options.get("is_dev", dev.lower() not in ("", "0", "false"))
    current = options.get("signing_key") or keys.current or environ.get("INNGEST_SIGNING_KEY")
    fallback = options.get("signing_key_fallback") or keys.fallback or environ.get("INNGEST_SIGNING_KEY_FALLBACK")
    if not is_dev and not current:
        # SAFETY: fail closed: without a key anybody could let steps be executed.
        message = "set a signing key (INNGEST_SIGNING_KEY), or is_dev=True for a dev server on this machine"
        raise InvalidInput([Problem("/signing_key", "required", message)])
    dev_url = dev if "://" in dev else DEV_ORIGIN
    base = options.get("base_url") or environ.get("INNGEST_BASE_URL") or (dev_url if is_dev else None)
    api = options.get("api_base_url") or environ.get("INNGEST_API_BASE_URL") or base or _CLOUD_API
    events = options.get("event_base_url") or environ.get("INNGEST_EVENT_API_BASE_URL") or base or _CLOUD_EVENTS
    origin = options.get("serve_origin") or environ.get("INNGEST_SERVE_ORIGIN")
    for pointer, url in (("/api_base_url", api), ("/event_base_url", events), ("/serve_origin", origin)):
        _check_url(pointer, url)
    return EndpointConfig(
        app_id=options.get("app_id", app_id),
        app_version=app_version,
        keys=SigningKeys(_clean(current), _clean(fallback)),
        is_dev=is_dev,
        api_origin=api.rstrip("/"),
        event_origin=events.rstrip("/"),
        event_key=options.get("event_key") or environ.get("INNGEST_EVENT_KEY"),
        environment=options.get("environment") or environ.get("INNGEST_ENV"),
        origin=origin.rstrip("/") if origin else None,
        path=options.get("serve_path") or environ.get("INNGEST_SERVE_PATH"),
        streaming=options.get("streaming", environ.get("INNGEST_STREAMING", "").lower() in ("force", "1", "true")),
        max_threads=_threads(options.get("max_threads", environ.get("INNGEST_THREAD_POOL_MAX_WORKERS"))),
        checkpointing=read_checkpointing(options.get("checkpointing", False)),
        log_level=options.get("log_level") or environ.get("INNGEST_LOG_LEVEL"),
    )


def _threads(given: int | str | None) -> int | None:
    if given is None or given == "":
        return None
    text = str(given)
    if isinstance(given, bool) or not text.isdecimal() or not 0 < int(text) <= MAX_THREADS:
        message = f"a whole number from 1 to {MAX_THREADS}; got {given!r}"
        raise InvalidInput([Problem("/max_threads", "invalid-value", message)])
    return int(text)


def _clean(key: str | None) -> str | None:
    return key.strip() if key else None


def _check_url(pointer: str, url: str | None) -> None:
    parts = urlsplit(url or DEV_ORIGIN)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise InvalidInput([Problem(pointer, "invalid-url", f"an address such as https://example.com; got {url!r}")])
