"""The audit log: who did what."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import Answer, PageQuery, json_object, many, moment, next_cursor, text, whole
from workflowkit.runtime.auditing import Act


class AuditQuery(PageQuery):
    """Which entries are meant."""

    action = text("What was done.", required=False, validate=validate.OneOf([act.value for act in Act]))
    actor = text("Who did it, as entries name them.", required=False, validate=validate.Length(1, 300))
    subject = text("What it was done to, as entries name it.", required=False, validate=validate.Length(1, 300))
    created_after = fields.AwareDateTime(format="iso", metadata={"description": "Only later ones, or from then."})
    created_before = fields.AwareDateTime(format="iso", metadata={"description": "Only earlier ones."})


class AuditEntry(Answer):
    """Something that somebody did."""

    seq = whole("Its number: entries of a tenant are numbered without a gap.")
    at = moment("When.")
    actor = text("Who: `user:<id>`, `key:<id>`, `embed:<name>`, `developer`, `cli`, `program`, `oidc`; `nobody` for a "
                 "login that failed.")  # fmt: skip
    address = text("The address from which it was asked for; empty if there was none.")
    action = text("What.", validate=validate.OneOf([act.value for act in Act]))
    subject = text("What it was done to: `user:<id>`, `key:<id>`, `workflow:<id>` (`workflow:*` for all), "
                   "`webhook:<name>`; empty where a login failed of somebody who is no user.")  # fmt: skip
    detail = json_object("More of it, by kind of action.", nullable=True)
    hash = text("SHA-256 of the entry and of the hash before it.")


class AuditPage(Answer):
    """Entries of the audit log."""

    items = many(AuditEntry, "Newest first.")
    next_cursor = next_cursor()
