"""What the schemas are made of: fields with descriptions, and the shapes that every noun uses.

Keys of requests are closed: a misspelt one is refused. Keys of answers may grow.
"""

from __future__ import annotations

from typing import Any

from apiflask import Schema
from marshmallow import EXCLUDE, RAISE, fields, validate


class Request(Schema):
    """A request: unknown keys are refused."""

    class Meta:  # noqa: D106 - marshmallow's own word
        unknown = RAISE


class Answer(Schema):
    """An answer."""

    class Meta:  # noqa: D106
        unknown = EXCLUDE


def described(description: str, *, required: bool = True, nullable: bool = False, **more: Any) -> dict[str, Any]:
    """Return the arguments of a field that everybody can understand."""
    return {"required": required, "allow_none": nullable, "metadata": {"description": description}, **more}


def text(description: str, *, required: bool = True, nullable: bool = False, **more: Any) -> fields.String:
    """Return a field for text."""
    return fields.String(**described(description, required=required, nullable=nullable, **more))


def moment(description: str, *, required: bool = True, nullable: bool = False, **more: Any) -> fields.AwareDateTime:
    """Return a field for a time: RFC 3339 outside, an aware datetime inside."""
    return fields.AwareDateTime(format="iso", **described(description, required=required, nullable=nullable, **more))


def whole(description: str, *, required: bool = True, nullable: bool = False, **more: Any) -> fields.Integer:
    """Return a field for a whole number."""
    return fields.Integer(strict=True, **described(description, required=required, nullable=nullable, **more))


def flag(description: str) -> fields.Boolean:
    """Return a field for true or false."""
    return fields.Boolean(**described(description))


def json_object(description: str, *, required: bool = True, nullable: bool = False) -> fields.Dict:
    """Return a field for any JSON object."""
    return fields.Dict(keys=fields.String(), **described(description, required=required, nullable=nullable))


def any_json(description: str, *, required: bool = True) -> fields.Raw:
    """Return a field for any JSON value, null included."""
    return fields.Raw(**described(description, required=required, nullable=True))


def many(schema: type[Schema], description: str) -> fields.List[Any]:
    """Return a field for a list of objects."""
    return fields.List(fields.Nested(schema), required=True, metadata={"description": description})


def next_cursor() -> fields.String:
    """Return the field that leads to the next page."""
    return text("Give this as `cursor` to get what follows; null at the end.", nullable=True)


class Problem(Answer):
    """One thing that is wrong, and where."""

    pointer = text("JSON pointer (RFC 6901) to the place; `/query/<name>` for a query parameter.")
    code = text("A stable word for what is wrong.")
    message = text("The same for people.")
    severity = text("Only errors keep a workflow from being published.", validate=validate.OneOf(["error", "warning"]))


class ProblemDocument(Answer):
    """An error (RFC 9457)."""

    type = text("`urn:workflowkit:problem:<code>`.")
    title = text("The status in words.")
    status = whole("The HTTP status.")
    detail = text("What is wrong.")
    code = text("A stable word for what is wrong.")
    problems = many(Problem, "The places that are wrong; may be empty.")
    request_id = text("The id under which the server's log has this request.")
    error = text("`detail` again, where clients of `/e/<key>` look for it; nowhere else.", required=False)
    ids = fields.List(
        fields.String(), required=False,
        metadata={"description": "Empty: no event of the request was stored. At `/e/<key>` only."},
    )  # fmt: skip


class PageQuery(Request):
    """Where to go on in a list."""

    limit = fields.Integer(metadata={"description": "The most items to return; bounded by the server's own limit."},
                           validate=validate.Range(1, 1_000))  # fmt: skip
    cursor = fields.String(metadata={"description": "`next_cursor` of the page before."},
                           validate=validate.Length(1, 256))  # fmt: skip


class Health(Answer):
    """How the process is."""

    status = text("`ok`; anything else is answered as an error.")
