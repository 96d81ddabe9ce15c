"""One request to a webhook, as it came: the bytes that are signed, and what they say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import parse_qsl

from workflowkit.base.errors import InvalidInput, LimitExceeded, WorkflowKitError
from workflowkit.base.jsonvalue import check_json, loads_strict
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.model import Json

#: Headers that no transform sees.
CREDENTIALS = ("authorization", "cookie", "proxy-authorization")
_FORM = "application/x-www-form-urlencoded"
_JSON = re.compile(r"application/(?:[a-z0-9.+-]+\+)?json\Z")


class UnreadableBody(WorkflowKitError):
    """A delivery's body is of a type that no webhook reads."""

    code = "unreadable-body"


@dataclass(frozen=True)  # without slots: the body is read when it is asked for, and then kept
class Delivery:
    """A request to a webhook.

    ``headers`` have lower-case names; what came more than once is joined with a comma, as HTTP has it. ``query`` has a
    list for each parameter. ``raw`` is the body, byte by byte.
    """

    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, list[str]] = field(default_factory=dict)
    raw: bytes = field(default=b"", repr=False)
    limits: Limits = field(default=DEFAULT_LIMITS, repr=False)

    @cached_property
    def body(self) -> Json:
        """What the body says: JSON as it is, a form as an object (a field that stands twice is a list), other text as
        text, no body as null.

        Raises ``InvalidInput`` or ``LimitExceeded`` for what breaks the rules of JSON at the door, ``UnreadableBody``
        for a type that is none of these.
        """
        # SAFETY: S15 — the type names the one parser; nothing is tried.
        media_type = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not self.raw:
            return None
        if _JSON.match(media_type):
            limits = self.limits
            return loads_strict(
                self.raw, max_bytes=limits.webhook_bytes, max_depth=limits.json_depth, limit="webhook_bytes"
            )
        if media_type == _FORM:
            return _read_form(self.text, self.limits)
        if media_type.startswith("text/"):
            return self.text
        raise UnreadableBody("send JSON, a form, or text, and say which in Content-Type")

    @cached_property
    def text(self) -> str:
        """The body as text. Raises ``InvalidInput`` if it is not UTF-8, or has what cannot be stored."""
        try:
            text = self.raw.decode()
        except UnicodeDecodeError:
            raise InvalidInput.at("", "invalid-json", "the body is not UTF-8") from None
        check_json(text)
        return text

    def as_roots(self) -> dict[str, Json]:
        """Return what references and conditions of a transform see. Raises what ``body`` raises."""
        body = self.body
        return {
            "body": body,
            # A transform is written by those who may not see the secrets.
            "headers": {name: text for name, text in self.headers.items() if name not in CREDENTIALS},
            "query": {name: list(values) for name, values in self.query.items()},
            "raw": self.text,
        }


def read_query(text: str, limits: Limits) -> dict[str, list[str]]:
    """Return the parameters of a query string, each as a list. Raises ``InvalidInput`` or ``LimitExceeded``."""
    found: dict[str, list[str]] = {}
    for name, value in _pairs(text, limits):
        found.setdefault(name, []).append(value)
    check_json(found)
    return found


def _read_form(text: str, limits: Limits) -> dict[str, Json]:
    return {name: values[0] if len(values) == 1 else values for name, values in read_query(text, limits).items()}


def _pairs(text: str, limits: Limits) -> list[tuple[str, str]]:
    try:
        return parse_qsl(text, keep_blank_values=True, max_num_fields=limits.form_fields, errors="strict")
    except UnicodeDecodeError:
        raise InvalidInput.at("", "invalid-value", "a field is not UTF-8") from None
    except ValueError:
        raise LimitExceeded("form_fields", limits.form_fields) from None
