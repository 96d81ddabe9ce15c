"""Webhooks: which deliveries are genuine, and what events they become. Pure: no store, no clock, no network.

An application that brings webhooks of its own imports from here how they are verified:

    from workflowkit.webhooks import stripe

    @wk.webhook("stripe", verify=stripe(SECRET))
    def from_stripe(delivery): ...
"""

from workflowkit.webhooks.delivery import Delivery
from workflowkit.webhooks.signing import DeliveryRefused
from workflowkit.webhooks.sources import Verify, basic, github, hmac, shopify, slack, stripe, svix, unverified

__all__ = [
    "Delivery",
    "DeliveryRefused",
    "Verify",
    "basic",
    "github",
    "hmac",
    "shopify",
    "slack",
    "stripe",
    "svix",
    "unverified",
]
