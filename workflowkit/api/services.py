"""What the HTTP layer is given: every object and function behind its routes, composed elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from flask import current_app

from workflowkit.api.waiting import Waiting
from workflowkit.base.errors import Conflict
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.base.places import Places
from workflowkit.base.scope import DEFAULT_SCOPE, Scope
from workflowkit.base.sealing import LenientSealing
from workflowkit.base.secretstore import SecretStore
from workflowkit.base.settings import Settings
from workflowkit.engine.extensions import Extensions
from workflowkit.engine.optionlists import OptionLists
from workflowkit.registry import Registry
from workflowkit.runtime.alerts import Alerts
from workflowkit.runtime.approvals import Approvals
from workflowkit.runtime.apps import Apps
from workflowkit.runtime.auditing import Audit
from workflowkit.runtime.authoring import Authoring
from workflowkit.runtime.callbacks import Callbacks
from workflowkit.runtime.control import Control
from workflowkit.runtime.deliveries import Deliveries
from workflowkit.runtime.embedding import EmbedTokens
from workflowkit.runtime.intake import Intake
from workflowkit.runtime.jobs import Jobs
from workflowkit.runtime.keys import Keys
from workflowkit.runtime.logins import Logins
from workflowkit.runtime.metrics import Metrics
from workflowkit.runtime.moving import Moving
from workflowkit.runtime.oidc import Oidc
from workflowkit.runtime.oversight import Oversight
from workflowkit.runtime.pausing import Pausing
from workflowkit.runtime.publishing import SubscriptionTokens
from workflowkit.runtime.requesting import Requesting
from workflowkit.runtime.rerunning import Rerunning
from workflowkit.runtime.scheduling import Scheduling
from workflowkit.runtime.searching import Searching
from workflowkit.runtime.secrets import Secrets
from workflowkit.runtime.sessions import Sessions
from workflowkit.runtime.skipping import Skipping
from workflowkit.runtime.users import Users
from workflowkit.runtime.versions import Versions
from workflowkit.runtime.waking import Waking
from workflowkit.runtime.webhooks import Webhooks
from workflowkit.store.appsyncs import SyncRow
from workflowkit.store.database import Database
from workflowkit.streams.handover import Streams

_EXTENSION = "workflowkit"


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of one installation that its API uses.

    ``database`` shows encrypted values as they are stored; ``opened`` decrypts them, for callers who may see that.
    ``signal(scope, name, data)`` resumes a run and returns its id; ``sync_app(environment, url)`` asks an app for its
    functions. In ``dev_mode`` a local caller needs no key and acts in ``default_scope``. Where it ``has_host``, the
    host application says who people are, and nobody logs in here; ``login_url`` is where they do. ``own_secrets`` are
    those of an application that keeps them itself.
    """

    database: Database
    registry: Registry
    option_lists: OptionLists
    authoring: Authoring
    keys: Keys
    intake: Intake
    versions: Versions
    control: Control
    rerunning: Rerunning
    pausing: Pausing
    scheduling: Scheduling
    skipping: Skipping
    searching: Searching
    moving: Moving
    jobs: Jobs
    waiting: Waiting
    requesting: Requesting
    webhooks: Webhooks
    secrets: Secrets
    deliveries: Deliveries
    signal: Callable[[Scope, str, Any], str]
    approvals: Approvals
    callbacks: Callbacks
    alerts: Alerts
    apps: Apps
    opened: Database
    opened_versions: Versions
    embed_tokens: EmbedTokens
    oversight: Oversight
    metrics: Metrics
    users: Users
    audit: Audit
    sessions: Sessions
    logins: Logins
    subscription_tokens: SubscriptionTokens
    streams: Streams
    dry_run_places: Places
    embed_origins: tuple[str, ...] = ()
    has_host: bool = False
    own_secrets: SecretStore | None = None
    oidc: Oidc | None = None
    login_url: str | None = None
    limits: Limits = DEFAULT_LIMITS
    public_url: str | None = None
    webhook_redirects: tuple[str, ...] = ()
    dev_mode: bool = False
    default_scope: Scope = DEFAULT_SCOPE
    sync_app: Callable[[str, str], SyncRow] | None = None

    @classmethod
    def current(cls) -> Services:
        """Return the services of the application that handles the present request."""
        services: Services = current_app.extensions[_EXTENSION]
        return services

    def check_keeps_secrets(self) -> None:
        """Raise ``Conflict`` where the application has a store of secrets of its own."""
        if self.own_secrets is not None:
            raise Conflict("secrets are kept by the application: change them there")

    def install(self, extensions: dict[str, object]) -> None:
        """Make these the services of an application, given its ``extensions``."""
        extensions[_EXTENSION] = self


class RuntimeParts(Protocol):
    """What the API takes from a composed runtime."""

    @property
    def settings(self) -> Settings: ...
    @property
    def registry(self) -> Registry: ...
    @property
    def database(self) -> Database: ...
    @property
    def option_lists(self) -> OptionLists: ...
    @property
    def authoring(self) -> Authoring: ...
    @property
    def intake(self) -> Intake: ...
    @property
    def control(self) -> Control: ...
    @property
    def rerunning(self) -> Rerunning: ...
    @property
    def pausing(self) -> Pausing: ...
    @property
    def scheduling(self) -> Scheduling: ...
    @property
    def skipping(self) -> Skipping: ...
    @property
    def searching(self) -> Searching: ...
    @property
    def jobs(self) -> Jobs: ...
    @property
    def requesting(self) -> Requesting: ...
    @property
    def moving(self) -> Moving: ...
    @property
    def webhooks(self) -> Webhooks: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def extensions(self) -> Extensions: ...
    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def waking(self) -> Waking: ...
    @property
    def approvals(self) -> Approvals: ...
    @property
    def callbacks(self) -> Callbacks: ...
    @property
    def alerts(self) -> Alerts: ...
    @property
    def embed_tokens(self) -> EmbedTokens: ...
    @property
    def oversight(self) -> Oversight: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def apps(self) -> Apps: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def logins(self) -> Logins: ...
    @property
    def oidc(self) -> Oidc | None: ...
    @property
    def subscription_tokens(self) -> SubscriptionTokens: ...
    @property
    def streams(self) -> Streams: ...


def services_of(
    runtime: RuntimeParts, *, dev_mode: bool = False, sync_app: Callable[[str, str], SyncRow] | None = None
) -> Services:
    """Return the services of a process that has ``runtime``."""
    sealing = runtime.database.sealing
    return Services(
        database=runtime.database.view(None),
        registry=runtime.registry,
        option_lists=runtime.option_lists,
        authoring=runtime.authoring,
        keys=Keys(runtime.database),
        intake=runtime.intake,
        versions=Versions(),
        control=runtime.control,
        rerunning=runtime.rerunning,
        pausing=runtime.pausing,
        scheduling=runtime.scheduling,
        skipping=runtime.skipping,
        searching=runtime.searching,
        moving=runtime.moving,
        jobs=runtime.jobs,
        waiting=Waiting(runtime.database),
        requesting=runtime.requesting,
        webhooks=runtime.webhooks,
        secrets=runtime.secrets,
        own_secrets=runtime.extensions.secret_store,
        deliveries=runtime.deliveries,
        signal=runtime.waking.signal,
        approvals=runtime.approvals,
        callbacks=runtime.callbacks,
        alerts=runtime.alerts,
        apps=runtime.apps,
        sync_app=sync_app,
        opened=runtime.database.view(None if sealing is None else LenientSealing(sealing)),
        # What a process remembers of outputs must not be shown to callers of the other kind.
        opened_versions=Versions(),
        embed_tokens=runtime.embed_tokens,
        oversight=runtime.oversight,
        metrics=runtime.metrics,
        users=Users(runtime.database),
        audit=Audit(runtime.database),
        sessions=runtime.sessions,
        logins=runtime.logins,
        oidc=runtime.oidc,
        subscription_tokens=runtime.subscription_tokens,
        streams=runtime.streams,
        dry_run_places=Places(runtime.settings.limits, "dry_runs", "tenant_dry_runs"),
        embed_origins=runtime.settings.embed_origins,
        limits=runtime.settings.limits,
        public_url=runtime.settings.public_url,
        webhook_redirects=runtime.settings.webhook_redirects,
        dev_mode=dev_mode,
        default_scope=runtime.settings.scope,
    )
