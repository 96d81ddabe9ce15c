"""Which workflows an event starts. Pure: no store, no clock, no network."""

from workflowkit.triggers.matching import Match, NoMatch, Subscription, match
from workflowkit.triggers.patterns import check_pattern, patterns_for

__all__ = ["Match", "NoMatch", "Subscription", "check_pattern", "match", "patterns_for"]
