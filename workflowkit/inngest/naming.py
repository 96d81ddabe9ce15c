"""How the apps of Inngest's SDKs, their functions and their steps are called here."""

from __future__ import annotations

import hashlib
import re

from workflowkit.base.scope import FUNCTION_SEPARATOR

_OWN_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_OTHER = re.compile(r"[^a-z0-9_-]+")
_READABLE_CHARS, _HASH_CHARS = 48, 8
#: Begins the id of a step whose name cannot be its id; the SDK's hash follows.
_HASHED = re.compile(r"#[0-9a-f]{40}")
_GENERATION = re.compile(r"[0-9]{1,9}")
#: Longer names of steps are not used as ids.
_STEP_NAME_CHARS = 128
#: Stands in the ids of parts of steps.
_RESERVED = "~"


def own_id(text: str) -> str:
    """Return an id for something that an SDK calls ``text``: that itself, or what is left of it with a hash."""
    if _OWN_ID.fullmatch(text):
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:_HASH_CHARS]
    readable = _OTHER.sub("-", text.lower()).strip("-_")[:_READABLE_CHARS] or "function"
    return f"{readable}-{digest}"


def function_id(app: str, slug: str) -> str:
    """Return the id of the function ``slug`` of an app: ``<app>/<function>``."""
    return f"{own_id(app)}{FUNCTION_SEPARATOR}{own_id(slug.removeprefix(f'{app}-'))}"


def slug_of(own_function_id: str) -> str:
    """Return what SDKs call a function of ours: ``<app>-<function>``."""
    return own_function_id.replace(FUNCTION_SEPARATOR, "-", 1)


def possible_ids(slug: str) -> list[str]:
    """Return the ids that a slug may stand for: where the app's name ends, it does not say."""
    return [
        f"{own_id(slug[:at])}{FUNCTION_SEPARATOR}{own_id(slug[at + 1 :])}"
        for at, character in enumerate(slug)
        if character == "-" and 0 < at < len(slug) - 1
    ]


def step_id(hashed: str, name: str | None, index: int | None) -> str:
    """Return the id of a step here: what its author called it, if the SDK's hash follows from that."""
    if name:
        readable = f"{name}:{index}" if index else name
        is_usable = len(readable) <= _STEP_NAME_CHARS and _RESERVED not in readable and "\0" not in readable
        if is_usable and _HASHED.fullmatch(readable) is None and _sha1(readable) == hashed:
            return readable
    return f"#{hashed}"


def hash_of(own_step_id: str) -> str:
    """Return the SDK's hash of a step: the other way round."""
    return own_step_id[1:] if _HASHED.fullmatch(own_step_id) else _sha1(own_step_id)


def item_id(node_id: str, generation: int) -> str:
    """Return what a call is named by to the app, which tells it again with what it reports meanwhile."""
    return f"{node_id}.{generation}"


def generation_of(item: str) -> int | None:
    """Return which attempt a call was of: the other way round. ``None`` for what is no name of a call."""
    generation = item.rpartition(".")[2]
    return int(generation) if _GENERATION.fullmatch(generation) else None


def _sha1(text: str) -> str:
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
