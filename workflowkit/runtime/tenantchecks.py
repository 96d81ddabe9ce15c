"""What a tenant's documents may not do, and what they name that the tenant does not have.

Whoever publishes them; what a document may not say at all is ``definition.validate``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from workflowkit.base.errors import Problem, StoreUnavailable
from workflowkit.base.limits import Limits
from workflowkit.base.scope import Scope
from workflowkit.base.secretstore import SecretStore
from workflowkit.definition.model import Json
from workflowkit.definition.outline import outline
from workflowkit.definition.secrets import secrets_named_in
from workflowkit.definition.settings.triggers import WebhookTrigger
from workflowkit.definition.triggerrules import EVERYTHING, TriggerRules

_log = logging.getLogger(__name__)

#: Says by what the workflows of a tenant may be started (``TriggerRules.read``).
TriggerPolicy = Callable[[Scope], Sequence[str]]

#: Says which of some names are webhooks through which events come to a tenant.
KnownWebhooks = Callable[[Scope, Collection[str]], Collection[str]]

#: The code of the problem that a document is started by a webhook that its tenant does not have.
UNKNOWN_WEBHOOK = "unknown-webhook"
#: The code of the problem that a document refers to a secret that its tenant does not have.
UNKNOWN_SECRET = "unknown-secret"  # noqa: S105 - a code


@dataclass(frozen=True, slots=True)
class TenantChecks:
    """What is asked of the application, and of what is stored, about the document of a tenant."""

    limits: Limits
    secrets: SecretStore | None
    trigger_policy: TriggerPolicy | None
    known_webhooks: KnownWebhooks

    def rules_for(self, scope: Scope) -> TriggerRules:
        """Return by what the workflows of a tenant may be started."""
        return EVERYTHING if self.trigger_policy is None else TriggerRules.read(self.trigger_policy(scope))

    def check(self, document: Json, scope: Scope) -> list[Problem]:
        """Return the problems. The application may take its time: not under a lock."""
        return [
            *self.rules_for(scope).check(document),
            *self._missing_secrets(document, scope),
            *self._missing_webhooks(document, scope),
        ]

    def _missing_webhooks(self, document: Json, scope: Scope) -> list[Problem]:
        if not isinstance(document, dict):
            return []
        named = [each for each in outline(document).triggers if isinstance(each, WebhookTrigger) and each.name]
        # Asked for only by documents that webhooks start, and not for more names than may be published.
        asked = {each.name for each in named[: self.limits.triggers_per_workflow]}
        unknown = asked.difference(self.known_webhooks(scope, asked)) if asked else asked
        message = "There is no webhook '{name}' yet, so that nothing comes through it"
        # It may be made later: no reason not to publish.
        return [
            Problem(f"{each.pointer}/webhook", UNKNOWN_WEBHOOK, message.format(name=each.name), "warning")
            for each in named
            if each.name in unknown
        ]

    def _missing_secrets(self, document: Json, scope: Scope) -> list[Problem]:
        named = secrets_named_in(document)
        # Asked for only by documents that use secrets.
        known = self._known_secrets(scope) if named else None
        return [
            Problem(pointer, UNKNOWN_SECRET, f"There is no secret '{name}': store it, or choose another")
            for name, pointer in named.items()
            if known is not None and name not in known
        ]

    def _known_secrets(self, scope: Scope) -> Collection[str] | None:
        if self.secrets is None:
            return None
        try:
            return self.secrets.names(scope)
        except StoreUnavailable:
            raise
        except Exception as error:
            _log.warning("a vault does not tell the names of its secrets: %s", type(error).__name__)
            return None
