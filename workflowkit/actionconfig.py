"""What the settings of an installation mean for its actions, wherever they run."""

from __future__ import annotations

from workflowkit.base.netguard import NetworkPolicy
from workflowkit.base.settings import Settings
from workflowkit.engine.context import ActionConfig


def action_config(settings: Settings) -> ActionConfig:
    """Return what actions are told of ``settings``."""
    return ActionConfig(
        email_url=settings.email_url,
        email_from=settings.email_from,
        network=NetworkPolicy(allow_private=settings.allow_private_networks),
    )
