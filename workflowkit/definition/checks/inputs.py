"""Check inputs as a document has them against the schema of their action, as far as no reference stands there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workflowkit.base.errors import DefinitionError, ExpressionError, LimitExceeded, Problem
from workflowkit.base.jsonvalue import child_pointer
from workflowkit.base.limits import Limits
from workflowkit.definition.checks.expressions import check_expression
from workflowkit.definition.checks.secrets import check_input_secrets
from workflowkit.definition.contract import InputContract
from workflowkit.definition.inputs import rule_template
from workflowkit.definition.jsvalues import Json
from workflowkit.definition.references import find_texts, references_in
from workflowkit.definition.schema import Violation, shown, told_violations
from workflowkit.definition.secrets import depends_on_secret
from workflowkit.definition.writtenschema import WrittenSchema

# What the schema says of a value whatever its references turn out to be; of an object or list that holds some ...
_CERTAIN_OF_CONTAINER = frozenset(
    {"type", "required", "additionalProperties", "minItems", "maxItems", "minProperties", "maxProperties"}
)
# ... and of a text with references inside, which will be a text.
_CERTAIN_OF_TEXT = frozenset({"type"})


@dataclass(frozen=True, slots=True)
class InputCheck:
    """The inputs of one action. ``owner`` is what messages call it, ``pointer`` where ``inputs`` stands."""

    owner: str
    inputs: Mapping[str, Json]
    pointer: str
    contract: InputContract
    limits: Limits

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong whatever the references will give."""
        contract, inputs = self.contract, dict(self.inputs)
        for name in inputs:
            if name not in contract.properties and not contract.welcomes_any:
                fate = "" if contract.is_open else "; it is left out"
                message = f"{self.owner} does not know the input '{name}'{fate}"
                yield Problem(child_pointer(self.pointer, name), "unknown-input", message, "warning")
        if not contract.written.is_valid(inputs):
            for violation in told_violations(contract.written, inputs):
                if _is_certain(violation):
                    yield self._problem(violation)
        for name in contract.not_empty & inputs.keys():
            yield from self._check_not_empty(name, inputs[name])
        for name in contract.schemas & inputs.keys():
            yield from self._check_schema(name, inputs[name])
        for name in contract.logic & inputs.keys():
            yield from self._check_rule(name, inputs[name])
        for name in contract.expressions.keys() & inputs.keys():
            yield from self._check_expression(name, inputs[name])
        yield from check_input_secrets(self.owner, inputs, self.pointer, contract)

    def _check_expression(self, name: str, text: Json) -> Iterator[Problem]:
        pointer = child_pointer(self.pointer, name)
        if not isinstance(text, str) or not text:
            return  # for the schema to judge
        if references_in(text):
            # SAFETY: S1 — what a reference brings in would become part of the expression's text.
            message = f"{self.owner} has a reference in the expression '{name}'; an expression reads the data by itself"
            yield Problem(pointer, "invalid-expression", message)
            return
        yield from check_expression(text, pointer, self.contract.expressions[name], self.limits)

    def _check_not_empty(self, name: str, value: Json) -> Iterator[Problem]:
        if _is_blank(value):
            message = f"{self.owner} has an invalid input for '{name}': nothing is in it; leave it out, or fill it in"
            yield Problem(child_pointer(self.pointer, name), "empty-input", message)

    def _check_schema(self, name: str, schema: Json) -> Iterator[Problem]:
        if not isinstance(schema, dict) or references_in(schema):
            return  # no schema yet: what it is in a run, the action checks
        try:
            WrittenSchema(schema, self.limits)
        except DefinitionError as error:
            for problem in error.problems:
                message = f"{self.owner} has an invalid input for '{name}': {problem.message}"
                yield Problem(f"{child_pointer(self.pointer, name)}{problem.pointer}", problem.code, message)

    def _problem(self, violation: Violation) -> Problem:
        contract, pointer = self.contract, f"{self.pointer}{violation.pointer}"
        if not violation.path:
            absent = [name for name in contract.properties if name in contract.required and name not in self.inputs]
            name = next((name for name in absent if violation.message == f'Missing "{name}"'), None)
            if name is None:
                return Problem(pointer, "invalid-input", f"{self.owner} has invalid inputs: {violation.message}")
            return Problem(child_pointer(pointer, name), "missing-input", f"{self.owner} needs the input '{name}'")
        inner = f" (at {violation.pointer})" if len(violation.path) > 1 else ""
        message = f"{self.owner} has an invalid input for '{violation.path[0]}': {violation.message}{inner}"
        return Problem(pointer, "invalid-input", message)

    def _check_rule(self, name: str, rule: Json) -> Iterator[Problem]:
        """Yield what is wrong with a JSON Logic rule: an object with one operator, or a boolean or a reference."""
        code, reason = "invalid-rule", ""
        if rule == {}:
            code, reason = "empty-rule", "the rule is empty"
        elif not (isinstance(rule, bool) or (isinstance(rule, dict) and len(rule) == 1) or references_in(rule)):
            reason = f"Expected a rule, an object with one operator, got {shown(rule)}"
        else:
            try:
                rule_template(rule, self.limits)
            except ExpressionError as error:
                reason = error.message
            except LimitExceeded as error:
                code, reason = error.code, error.message
        if reason:
            message = f"{self.owner} has an invalid input for '{name}': {reason}"
            yield Problem(child_pointer(self.pointer, name), code, message)


def _is_blank(value: Json) -> bool:
    """Return whether a value says nothing; empty texts and lists are for the schema to refuse."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, str) and each.isspace() for each in value)
    return value is None or (isinstance(value, str) and value.isspace())


def _is_certain(violation: Violation) -> bool:
    """Return whether the complaint stands whatever the references in the value will give (D9)."""
    if depends_on_secret(violation):
        return False
    found = list(find_texts(violation.value))
    if not any(text.references for text in found):
        return True
    if isinstance(violation.value, str):
        return found[0].whole is None and violation.keyword in _CERTAIN_OF_TEXT
    return violation.keyword in _CERTAIN_OF_CONTAINER
