"""What an installation is told from outside, read once, with names, units and defaults.

Every field may be set by ``WORKFLOWKIT_<NAME>``; where that is unset, ``DATABASE_URL`` and ``REDIS_URL`` count too.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from urllib.parse import urlsplit

from workflowkit.base.limits import Limits
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.base.secrets import Keyring
from workflowkit.base.spelling import hint

_log = logging.getLogger(__name__)

LOCAL_BROKER_URL = "local://"
DEFAULT_QUEUE = "default"
_PREFIX = "WORKFLOWKIT_"
#: What commands, scripts and tests are told by.
_OTHER_VARIABLES = (
    "APP", "FAILPOINT", "KEY", "LIFELINE", "LOG_FORMAT", "LOG_LEVEL", "PG_BIN", "PYTHON", "SKIP_WEB", "TENANT",
    "UPDATE_GOLDEN", "URL", "VENV",
)  # fmt: skip
#: What Kubernetes tells each pod of a service whose name begins like that.
_OF_A_SERVICE = re.compile(r"\w+_SERVICE_(HOST|PORT(_[A-Z0-9_]+)?)|\w+_PORT(_[0-9]+_[A-Z]+(_\w+)?)?")
#: What has been said of unknown variables.
_said: set[str] = set()
#: The names of ``runtime.roles``.
_ROLES = ("viewer", "editor", "publisher", "operator", "admin", "owner")
#: What ``run_log_level`` may be.
LOG_LEVELS = ("debug", "info", "warning", "error", "off")


def is_schema_name(text: str) -> bool:
    """Tell whether PostgreSQL takes a name for a schema as it is, without quotes."""
    return re.fullmatch(r"(?!pg_)[a-z_][a-z0-9_]{0,62}", text) is not None


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one process. Durations are seconds."""

    database_url: str = "sqlite:///workflowkit.db"
    """``sqlite:///file.db`` or ``postgresql://user:password@host/database``."""
    database_schema: str | None = None
    """The schema of PostgreSQL that the tables are in, where a database is shared with an application. Unset: the one
    that the server takes for this user, mostly ``public``."""
    broker_url: str = LOCAL_BROKER_URL
    """``redis://…`` in production; ``local://`` is the transport inside one process."""
    environment: str = DEFAULT_SCOPE.environment
    """The environment in which the application's functions listen, and whose data is meant where none is named."""
    queues: tuple[str, ...] = (DEFAULT_QUEUE,)
    """The queues that this process's worker serves."""
    lease_seconds: float = 30.0
    """How long a step stays with a worker that has fallen silent. A worker renews its leases every third of it."""
    relay_interval_seconds: float = 0.5
    """How often the relay looks for due steps: the bound on how late a retry starts."""
    hint_grace_seconds: float = 2.0
    """How long a hint may take to arrive before the relay repeats it."""
    inline_seconds: float = 10.0
    """How long one task goes on with the next step of a run before it hands the run over."""
    inline_steps: int = 1_000
    """How many steps one task executes before it hands the run over."""
    spill_seconds: float = 0.1
    """How long a step may take before all that waits behind it in the same task is handed on to other workers.

    Too short for anybody to notice, and longer than a quick step takes on a busy machine: with less, such a machine
    would send messages instead of doing the work.
    """
    run_log_level: str = "info"
    """Lines that handlers log are kept with their runs from this level on: debug, info, warning, error, or off."""
    keep_runs_days: int | None = None
    """How long runs that have ended are kept, with all that belongs to them. Unset: for ever."""
    keep_events_days: int | None = None
    """How long events are kept, and what was decided about them; at least as long as the runs that they started. Unset:
    for ever."""
    keep_audit_days: int | None = None
    """How long entries of the audit log are kept. Unset: for ever."""
    event_dedup_seconds: float = 24 * 3_600.0
    """How long a second event with the same id of its sender is taken for the first one, and starts nothing."""
    email_url: str = "console://"
    """Where mails go: ``console://`` (the log), ``file:///directory``, ``smtp://user:password@host``, ``smtps://…``."""
    email_from: str = "workflows@localhost"
    """The sender of mails."""
    public_url: str | None = None
    """The address of the API as others reach it, with the prefix that it is mounted below: URLs of webhooks and links
    to approvals and callbacks begin with it."""
    webhook_redirects: tuple[str, ...] = ()
    """The addresses, letter by letter, to which a browser may take the URL of a new webhook: for providers that send a
    person here to have one made."""
    embed_origins: tuple[str, ...] = ()
    """The origins of host applications whose pages may show the editor and call the API from the browser."""
    secret_key: str | None = field(default=None, repr=False)
    """What stored secrets are encrypted with (``base.secrets.Keyring``); it is a secret itself."""
    session_idle_seconds: float = 2 * 3_600.0
    """How long somebody stays logged in without doing anything."""
    session_seconds: float = 12 * 3_600.0
    """How long somebody stays logged in, however busy they are."""
    oidc_issuer: str | None = None
    """The OpenID provider at which people may log in: its address, exactly as it calls itself."""
    oidc_client_id: str = "workflowkit"
    """The id of this installation at the provider."""
    oidc_client_secret: str | None = field(default=None, repr=False)
    """The secret by which the provider knows this installation. Unset: it is a public client, which has PKCE only."""
    oidc_label: str | None = None
    """The name of the provider on the login page. Unset: its host name."""
    oidc_scopes: tuple[str, ...] = ("openid", "email", "profile")
    """The scopes that are asked for: what the provider then tells of somebody."""
    oidc_name_claim: str = "email"
    """The claim that becomes the name of the user here."""
    oidc_roles_claim: str = "groups"
    """The claim that lists somebody's groups at the provider."""
    oidc_roles: tuple[tuple[str, str], ...] = ()
    """The role of each group, as ``admin:flow-admins,viewer:*``; ``*`` is everybody. Empty: nobody has any."""
    allow_private_networks: bool = False
    """Whether actions may reach private addresses. Never on a shared installation."""
    signing_key: str | None = field(default=None, repr=False)
    """What calls to and from apps of Inngest's SDKs are signed with."""
    signing_key_fallback: str | None = field(default=None, repr=False)
    """A second key that is accepted too, while the first is replaced."""
    connect_url: str | None = None
    """How workers that connect reach the gateways, such as ``wss://connect.example.com/v0/connect``; unless it is set,
    at the host of the API and the port of the gateway."""
    dev_apps: bool = False
    """Whether apps may be called unsigned and at private addresses: what a dev server does."""
    app_actions: tuple[str, ...] = ()
    """Which functions of apps documents may use as actions: ids, and beginnings of ids with ``*`` (``shop/*``)."""
    metrics_tenants: tuple[str, ...] = ()
    """The tenants that metrics name; without any, metrics tell nothing of tenants."""
    limits: Limits = field(default_factory=Limits)

    @property
    def scope(self) -> Scope:
        """Whose data is meant where nobody is named: the default tenant's, in the environment of these settings."""
        return Scope(self.environment, DEFAULT_SCOPE.tenant)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings; a malformed value raises ``ValueError`` naming its variable."""
        _warn_of_unknown(environ)
        values: dict[str, object] = {"limits": Limits.from_environment(environ)}
        for name, parse in _PARSERS.items():
            variable = f"WORKFLOWKIT_{name.upper()}"
            text = environ.get(variable) or environ.get(_FALLBACKS.get(name, ""))
            if text:
                try:
                    values[name] = parse(text)
                except ValueError as error:
                    raise ValueError(f"{variable}: {error}") from error
        return cls(**values)  # type: ignore[arg-type]  # each parser returns its field's type


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Return what to say of variables that look like settings and are none."""
    settings = {f"{_PREFIX}{name.upper()}" for name in _PARSERS}
    limits = {f"{_PREFIX}LIMIT_{each.name.upper()}" for each in fields(Limits)}
    known = settings | limits | {_PREFIX + name for name in _OTHER_VARIABLES}
    return [
        f"the environment variable {name} is no setting{hint(name, known)}"
        for name in sorted(environ)
        if name.startswith(_PREFIX)
        and name not in known
        and not name.startswith(f"{_PREFIX}TEST_")
        and not _is_of_a_service(name, environ[name])
    ]


def _is_of_a_service(name: str, value: str) -> bool:
    is_plain_port = name.endswith("_PORT") and not name.endswith("_SERVICE_PORT")
    return _OF_A_SERVICE.fullmatch(name) is not None and (not is_plain_port or "://" in value)


def _warn_of_unknown(environ: Mapping[str, str]) -> None:
    """Say it once in a process: a misspelt ``WORKFLOWKIT_DATABASE_URL`` would have it work on another database."""
    for message in unknown_variables(environ):
        if message not in _said:
            _said.add(message)
            _log.warning("%s", message)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(f"must be a positive number of seconds, got {text!r}")
    return value


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ValueError(f"must be a positive whole number, got {text!r}")
    return int(text)


def _flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false"):
        raise ValueError(f"must be 1 or 0, got {text!r}")
    return text.lower() in ("1", "true")


def _level(text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise ValueError(f"must be one of {', '.join(LOG_LEVELS)}, got {text!r}")
    return text.lower()


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _socket_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"must be an address such as wss://connect.example.com/v0/connect, got {text!r}")
    return text


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"must be an address such as https://flows.example.com, got {text!r}")
    return text.rstrip("/")


def _origins(text: str) -> tuple[str, ...]:
    for origin in _names(text):
        parts = urlsplit(origin)
        is_bare = origin == f"{parts.scheme}://{parts.netloc}" == origin.lower()
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None or not is_bare:
            raise ValueError(f"{origin!r} must be an origin such as https://app.example.com, without a path")
    return _names(text)


def _redirects(text: str) -> tuple[str, ...]:
    for uri in _names(text):
        parts = urlsplit(uri)
        is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
        if parts.scheme != "https" and not (parts.scheme == "http" and is_local):
            raise ValueError(f"{uri!r} must be an https address")
        if not parts.hostname or parts.username is not None or parts.fragment:
            raise ValueError(f"{uri!r} must have a host, no user and no fragment")
    return _names(text)


def _keys(text: str) -> str:
    Keyring.parse(text)
    return text


def _issuer(text: str) -> str:
    parts = urlsplit(text)
    is_local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and is_local)):
        raise ValueError(f"must be an https address, got {text!r}")
    return text


def _roles(text: str) -> tuple[tuple[str, str], ...]:
    pairs = tuple(part.partition(":")[::2] for part in _names(text))
    if not all(role in _ROLES and group for role, group in pairs):
        raise ValueError(f"must be ROLE:GROUP, with commas between, of the roles {', '.join(_ROLES)}; got {text!r}")
    return pairs


def _signing_key(text: str) -> str:
    if re.fullmatch(r"(signkey-\w+-)?([0-9a-fA-F]{2}){4,}", text) is None:
        raise ValueError("must be signkey-NAME- and an even number of hexadecimal digits, at least 8")
    return text


def _schema(text: str) -> str:
    if not is_schema_name(text):
        raise ValueError(f"must be a name of small letters, digits and _, at most 63, and not pg_*; got {text!r}")
    return text


_PARSERS: dict[str, Callable[[str], object]] = {
    "database_url": str,
    "database_schema": _schema,
    "broker_url": str,
    "environment": str,
    "queues": _names,
    "lease_seconds": _seconds,
    "relay_interval_seconds": _seconds,
    "hint_grace_seconds": _seconds,
    "inline_seconds": _seconds,
    "inline_steps": _count,
    "spill_seconds": _seconds,
    "run_log_level": _level,
    "keep_runs_days": _count,
    "keep_events_days": _count,
    "keep_audit_days": _count,
    "event_dedup_seconds": _seconds,
    "email_url": str,
    "email_from": str,
    "public_url": _url,
    "connect_url": _socket_url,
    "webhook_redirects": _redirects,
    "embed_origins": _origins,
    "secret_key": _keys,
    "session_idle_seconds": _seconds,
    "session_seconds": _seconds,
    "oidc_issuer": _issuer,
    "oidc_client_id": str,
    "oidc_client_secret": str,
    "oidc_label": str,
    "oidc_scopes": _names,
    "oidc_name_claim": str,
    "oidc_roles_claim": str,
    "oidc_roles": _roles,
    "allow_private_networks": _flag,
    "signing_key": _signing_key,
    "signing_key_fallback": _signing_key,
    "dev_apps": _flag,
    "app_actions": _names,
    "metrics_tenants": _names,
}
_FALLBACKS = {
    "database_url": "DATABASE_URL",
    "broker_url": "REDIS_URL",
    "signing_key": "INNGEST_SIGNING_KEY",
    "signing_key_fallback": "INNGEST_SIGNING_KEY_FALLBACK",
}
