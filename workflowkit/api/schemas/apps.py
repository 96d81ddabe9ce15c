"""Applications, and how their functions came here."""

from __future__ import annotations

from marshmallow import fields, validate

from workflowkit.api.schemas.base import (
    Answer,
    PageQuery,
    Request,
    described,
    flag,
    many,
    moment,
    next_cursor,
    text,
    whole,
)

_STATUSES = validate.OneOf(["synced", "unchanged", "failed"])


class AppSyncQuery(PageQuery):
    """Which syncs to list."""

    app_id = text("Syncs of this application.", required=False)
    unattached = fields.Boolean(metadata={"description": "Only those that failed before it was known whose they are."})


class AppToSync(Request):
    """An app to sync."""

    url = text("Its address, such as `https://shop.example.com/api/inngest`.")


class App(Answer):
    """An application with functions."""

    id = text("What the ids of its functions begin with.")
    name = text("What it calls itself.")
    url = text("Where its functions are called; null if its code runs in this installation.", nullable=True)
    sdk = text("The SDK that it is written with; null likewise.", nullable=True)
    method = text(
        "How its functions are executed: in this installation, by calls to its address, or by workers that connect.",
        validate=validate.OneOf(["code", "http", "connect"]),
    )
    connection_count = whole("How many of its workers are connected.")
    version = text("The version of the code that is in force, if it says one.", nullable=True)
    function_count = whole("How many functions it has.")
    synced_at = moment("When its functions last changed.")
    is_archived = flag("Whether its functions begin no runs.")
    archived_at = moment("Since when.", nullable=True)


class AppPage(Answer):
    """Applications."""

    items = many(App, "In order of id.")
    next_cursor = next_cursor()


class AppSync(Answer):
    """A sync of an application: it changed something, or it failed."""

    id = text("Its id; null for one that changed nothing, which is not kept.", nullable=True)
    app_id = text("The application; null if it failed before that was known.", nullable=True)
    status = text("What came of it.", validate=_STATUSES)
    error = text("Why it failed.", nullable=True)
    url = text("The address of the app.", nullable=True)
    sdk = text("The SDK that it is written with.", nullable=True)
    app_version = text("The version of the code.", nullable=True)
    function_count = whole("How many functions the code has.")
    published = fields.List(fields.String(), **described("The functions that were new or had changed."))
    retired = fields.List(fields.String(), **described("The functions that the code has no more."))
    at = moment("When it was; of a failure that was repeated, the last time.")


class AppSyncPage(Answer):
    """Syncs."""

    items = many(AppSync, "Newest first.")
    next_cursor = next_cursor()
