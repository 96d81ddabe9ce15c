"""Check where documents refer to secrets: in inputs that are meant for one, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from workflowkit.base.errors import Problem
from workflowkit.definition.checks.subject import Subject
from workflowkit.definition.contract import InputContract
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.references import references_in
from workflowkit.definition.secrets import SECRET_OPEN, Place, places_in, secret_name, texts_with_secrets

#: A secret at a place that is not for one, a text that is no whole reference, a value that should be a secret.
NOT_ALLOWED, MALFORMED, LITERAL = "secret-not-allowed", "invalid-secret", "literal-secret"


def check_input_secrets(
    owner: str, inputs: Mapping[str, Json], pointer: str, contract: InputContract
) -> Iterator[Problem]:
    """Yield what is wrong with the secrets in the inputs of one action; ``pointer`` is where its inputs stand."""
    if not contract.has_secrets and not any(texts_with_secrets(dict(inputs))):
        return
    for place in places_in(inputs, contract.schema):
        yield from _check_place(owner, place, pointer + place.pointer)


def _check_place(owner: str, place: Place, pointer: str) -> Iterator[Problem]:
    name = secret_name(place.text)
    if name is not None:
        if not place.is_secret:
            # SAFETY: S18 — what is not meant for a secret may be stored, sent or shown.
            message = f"{owner} has no place for a secret here: '{name}' would be stored or shown"
            yield Problem(pointer, NOT_ALLOWED, message)
    elif SECRET_OPEN in place.text:
        message = f"{owner}: a secret stands alone, as in !secret(name); inside of a longer text it stays text"
        yield Problem(pointer, MALFORMED, message, "error" if place.is_secret else "warning")
    elif place.is_secret and place.text and not references_in(place.text):
        message = f"{owner} has a value here that everybody sees who reads the workflow: store it as a secret"
        yield Problem(pointer, LITERAL, message, "warning")


def check_other_secrets(subject: Subject) -> Iterator[Problem]:
    """Yield the references to secrets that stand outside of the inputs of actions."""
    inputs = tuple(
        f"{pointer}/inputs/"
        for graph in subject.graphs
        for entry in graph.parts.actions
        for pointer in (entry.pointer, f"{entry.pointer}/settings/compensate")
    )
    for pointer, text in texts_with_secrets(dict(subject.document)):
        name = secret_name(text)
        if name is not None and not pointer.startswith(inputs):
            message = f"The secret '{name}' can be used in the inputs of actions only"
            yield Problem(pointer, NOT_ALLOWED, message)
