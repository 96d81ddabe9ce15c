"""Putting an endpoint together, from an application's functions and what it is told."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from workflowkit.actionconfig import action_config
from workflowkit.base.settings import Settings
from workflowkit.engine.extensions import Extensions
from workflowkit.inngest.client import keys_of
from workflowkit.inngest.serving.announcing import function_configs
from workflowkit.inngest.serving.endpoint import ServeEndpoint
from workflowkit.inngest.serving.names import Names
from workflowkit.inngest.serving.options import (
    DEFAULT_PATH,
    DEV_ORIGIN,
    NO_ORIGIN,
    SDK_NAME,
    ServeOptions,
    read_options,
)
from workflowkit.inngest.serving.outputs import KeptOutputs
from workflowkit.inngest.serving.performing import Means
from workflowkit.inngest.serving.platform import Platform
from workflowkit.inngest.serving.served import served
from workflowkit.inngest.serving.trust import Trust
from workflowkit.registry import Function, Registry

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from flask import Flask

    from workflowkit.inngest.serving.asgi import AsgiApp, AsgiApplication
    from workflowkit.inngest.serving.wsgi import WsgiApp

_log = logging.getLogger("workflowkit.serving")


@dataclass(frozen=True, slots=True)
class Application:
    """What of an application an endpoint needs."""

    id: str
    version: str | None
    registry: Registry
    settings: Settings
    extensions: Extensions
    now_ms: Callable[[], int]


@dataclass(frozen=True, slots=True)
class ServedApp:
    """An application's functions and documents, ready to be served at ``path``."""

    path: str
    _make: Callable[[str], ServeEndpoint]

    def wsgi(self, behind: WSGIApplication | None = None) -> WsgiApp:
        """Return a WSGI application; requests for other paths go to the one ``behind``, else they are not found."""
        from workflowkit.inngest.serving.wsgi import WsgiApp

        return WsgiApp(self._make("wsgi"), self.path, behind)

    def asgi(self, behind: AsgiApplication | None = None) -> AsgiApp:
        """Return an ASGI application; what is not for this path goes to the one ``behind``."""
        from workflowkit.inngest.serving.asgi import AsgiApp

        return AsgiApp(self._make("asgi"), self.path, behind)

    def add_to(self, app: Flask) -> None:
        """Add a route to a Flask application."""
        from workflowkit.inngest.serving.wsgi import add_to_flask

        add_to_flask(app, self._make("flask"), self.path)


def served_app(
    application: Application,
    path: str,
    functions: Iterable[Function[..., Any]] | None,
    workflows: Mapping[str, Mapping[str, Any]],
    options: ServeOptions,
) -> ServedApp:
    """Return what serves ``functions`` (all, if ``None``) and ``workflows``.

    Raises ``DefinitionError`` for what other servers cannot do, ``InvalidInput`` for what the options lack.
    """
    settings = application.settings
    config = read_options(application.id, application.version, keys_of(settings), options, os.environ)
    names = Names(application.id, config.app_id)
    chosen = _top(application.registry) if functions is None else functions
    found = served(names, chosen, workflows, application.registry, settings.limits)
    function_configs(found.values(), names, config.origin or DEV_ORIGIN)  # says now what could not be registered
    if config.log_level:
        _log.setLevel(config.log_level.upper())
    if not config.is_dev and config.origin is None:
        _log.warning("%s: only requests that are signed register it", NO_ORIGIN)
    trust = Trust(config.keys)
    outputs = KeptOutputs(settings.limits.serve_cache_bytes, application.now_ms)

    def make(framework: str) -> ServeEndpoint:
        platform = Platform(config, settings.limits, {**config.headers(framework), "User-Agent": SDK_NAME})
        means = Means(
            names, application.registry, application.extensions, action_config(settings), settings.limits,
            settings.scope, platform, application.now_ms, outputs,
        )  # fmt: skip
        return ServeEndpoint(config, found, means, platform, trust, framework)

    return ServedApp(path or DEFAULT_PATH, make)


def _top(registry: Registry) -> list[Function[..., Any]]:
    """Return the functions that are no followers of others."""
    following = {each.id for function in registry.functions.values() for each in function.followers}
    return [function for function in registry.functions.values() if function.id not in following]
