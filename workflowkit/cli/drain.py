"""``workflowkit drain``: what is called before a deployment or a migration."""

from __future__ import annotations

from workflowkit.cli.workflows import drain as command

__all__ = ["command"]
