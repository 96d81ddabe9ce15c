"""Secrets: names and when they were stored, never a value."""

from __future__ import annotations

from marshmallow import fields

from workflowkit.api.schemas.base import Answer, PageQuery, Request, described, many, moment, next_cursor, text


class SecretQuery(PageQuery):
    """Which page, and what about each secret."""

    usage = fields.Boolean(load_default=False, metadata={
        "description": "Whether to tell which workflows use each; needs workflows:read. Default: false."})  # fmt: skip


class DeletionQuery(Request):
    """How to delete."""

    force = fields.Boolean(load_default=False, metadata={
        "description": "Whether to delete a secret that published workflows use. Default: false."})  # fmt: skip


class NewSecret(Request):
    """A secret to store."""

    name = text("Its name, which workflows refer to as `!secret(name)`: letters, digits, _ . and -.")
    value = text("The value: stored encrypted, and never shown again.")
    description = text("What it is for; those who may edit see it.", required=False)


class SecretBody(Request):
    """What to change of a secret."""

    value = text("The new value. Left out: as it is.", required=False)
    description = text("What it is for. Left out: as it is.", required=False)


class Secret(Answer):
    """A secret, without its value. Of one that the application keeps only the name is known."""

    name = text("Its name, which workflows refer to as `!secret(name)`.")
    description = text("What it is for.")
    created_at = moment("When it was first stored.", nullable=True)
    created_by = text("Who stored it.", nullable=True)
    updated_at = moment("When it was last changed.", nullable=True)
    updated_by = text("Who changed it.", nullable=True)
    used_by = fields.List(
        fields.String(), **described("The published workflows that refer to it; null unless asked for.", nullable=True)
    )


class SecretPage(Answer):
    """Secrets."""

    items = many(Secret, "In the order of their names.")
    next_cursor = next_cursor()
