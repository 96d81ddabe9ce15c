"""A step's inputs: what its handler is called with, made from the document, the event and earlier outputs.

References are resolved on a copy, rules are evaluated, defaults fill what is left out, and the result is checked
against the action's schema before any handler sees it (W11, D9). The work that depends on the document alone is done
once per node and kept in ``Node.memo``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from workflowkit.base.errors import DefinitionError, ExpressionError, InvalidInput, LimitExceeded, Problem
from workflowkit.base.jsonvalue import child_pointer
from workflowkit.base.limits import DEFAULT_LIMITS, Limits
from workflowkit.definition.catalogue import ActionType
from workflowkit.definition.contract import InputContract, contract_of
from workflowkit.definition.jsonlogic import Placeholder, Rule, compile_rule
from workflowkit.definition.jsonpath import Budget
from workflowkit.definition.jsvalues import MISSING, Json
from workflowkit.definition.model import Node
from workflowkit.definition.references import (
    ReferenceScope,
    Template,
    compile_template,
    copied,
    present,
    references_in,
)
from workflowkit.definition.schema import told_violations
from workflowkit.definition.secrets import SecretUse, depends_on_secret, secret_reference, secret_uses

_MEMO_KEY, _SECRETS_KEY = "inputs", "secrets"


def resolve_inputs(
    node: Node, action: ActionType, scope: ReferenceScope, *, limits: Limits = DEFAULT_LIMITS
) -> dict[str, Json]:
    """Return what the handler of ``node`` is called with; the caller may change it freely.

    A reference that leads nowhere: an error if the input is required; else the input is left out (so that its default
    applies) if it has a default or may not be null; else null. Inputs that the action does not know are left out if its
    schema refuses them. Raises ``InvalidInput`` whose problems point at ``/inputs/<name>...`` and name node and value.
    """
    return _plan_of(node, action, limits).resolve(scope)


def secrets_of(node: Node, action: ActionType) -> tuple[SecretUse, ...]:
    """Return the secrets that the document gives to ``node``, and where in its inputs: of most nodes, none."""
    known: tuple[ActionType, tuple[SecretUse, ...]] | None = node.memo.get(_SECRETS_KEY)
    if known is None or known[0] is not action:
        contract = contract_of(action.inputs)
        uses = secret_uses(node.inputs, contract.schema) if contract.has_secrets else ()
        known = node.memo[_SECRETS_KEY] = (action, uses)
    return known[1]


def with_secrets(node: Node, action: ActionType, inputs: dict[str, Json], values: Mapping[str, str]) -> dict[str, Json]:
    """Return resolved inputs with the values of secrets in place of the references to them. Changes ``inputs``.

    Where inputs were edited for one run, only a reference that is still the document's own is replaced. Raises
    ``InvalidInput``, which shows no value, if the action does not take one.
    """
    for use in secrets_of(node, action):
        put_secret(inputs, use, values[use.name])
    contract = contract_of(action.inputs)
    if not contract.resolved.is_valid(inputs):
        message = f"Action '{node.id}' does not take the value of a secret: it has another form than is asked for"
        raise InvalidInput.at("/inputs", "invalid-input", message)
    return inputs


def put_secret(inputs: Any, use: SecretUse, value: str) -> None:
    """Put a value in place of the reference to a secret, if that is what stands there."""
    *outer, last = use.path
    holder = inputs
    for key in outer:
        holder = _at(holder, key)
    # SAFETY: S2, S18 — the places are the document's; what stands there now may be somebody's edit.
    if _at(holder, last) == secret_reference(use.name):
        holder[last] = value


def _at(holder: Any, key: str | int) -> Any:
    if isinstance(holder, dict):
        return holder.get(key)
    return holder[key] if isinstance(holder, list) and isinstance(key, int) and key < len(holder) else None


def _plan_of(node: Node, action: ActionType, limits: Limits) -> _Plan:
    plan: _Plan | None = node.memo.get(_MEMO_KEY)
    if plan is None or plan.action is not action:
        # Two threads may both compile; either result is as good.
        plan = node.memo[_MEMO_KEY] = _Plan.of(node, action, limits)
    return plan


def check_inputs(node: Node, action: ActionType, values: Mapping[str, Json]) -> dict[str, Json]:
    """Return a copy of inputs that somebody has edited after they were resolved, with defaults for what is left out.

    Nothing in them is read as a reference (S2). Raises ``InvalidInput`` like ``resolve_inputs``.
    """
    contract = contract_of(action.inputs)
    known = {name: value for name, value in values.items() if contract.is_open or name in contract.properties}
    inputs = cast(dict[str, Json], copied({**contract.defaults, **known}, Budget()))
    if not contract.resolved.is_valid(inputs):
        plan = _Plan(node.id, action, contract, (), {}, DEFAULT_LIMITS, secrets_of(node, action))
        if problems := list(plan.refusals(inputs)):
            raise InvalidInput(problems)
    return inputs


def rule_template(rule: Json, limits: Limits = DEFAULT_LIMITS) -> RuleTemplate:
    """Compile a JSON Logic rule that may hold references: their values are data for the rule, never part of it (D11).

    Raises ``ExpressionError`` or ``LimitExceeded`` as ``compile_rule`` does.
    """
    templates: list[Template] = []
    return RuleTemplate(compile_rule(_with_placeholders(rule, templates, limits), limits), tuple(templates))


@dataclass(frozen=True, slots=True)
class RuleTemplate:
    """A compiled rule and where the values of its placeholders come from."""

    rule: Rule
    templates: tuple[Template, ...]

    def resolve(self, scope: ReferenceScope, budget: Budget) -> Json:
        """Return the rule's value. Raises ``ExpressionError`` or ``LimitExceeded`` past the budgets."""
        # SAFETY: S2 — what a reference brings in is handed over beside the rule and cannot become an operator.
        return self.rule.evaluate(None, [present(template.resolve(scope, budget)) for template in self.templates])


def _with_placeholders(rule: Json, templates: list[Template], limits: Limits) -> Json:
    if isinstance(rule, list):
        return [_with_placeholders(operand, templates, limits) for operand in rule]
    if isinstance(rule, dict) and len(rule) == 1:
        return {operator: _with_placeholders(operand, templates, limits) for operator, operand in rule.items()}
    if not references_in(rule):
        return rule
    templates.append(compile_template(rule, limits))
    return Placeholder(len(templates) - 1)


@dataclass(frozen=True, slots=True)
class _Field:
    """One input of a node, compiled. ``written`` is what the document says, for messages."""

    name: str
    source: Template | RuleTemplate
    written: Json


@dataclass(frozen=True, slots=True)
class _Plan:
    """How to make the inputs of one node for one action."""

    node_id: str
    action: ActionType
    contract: InputContract
    fields: tuple[_Field, ...]
    absent_defaults: dict[str, Json]
    limits: Limits
    secrets: tuple[SecretUse, ...] = ()

    @classmethod
    def of(cls, node: Node, action: ActionType, limits: Limits) -> _Plan:
        # The size of rules was held against the installation's limit when the version was published.
        trusted = replace(limits, logic_nodes=2**31)
        try:
            contract = contract_of(action.inputs)
            fields = tuple(
                _Field(
                    name, rule_template(value, trusted) if name in contract.logic else compile_template(value), value
                )
                for name, value in node.inputs.items()
                if contract.is_open or name in contract.properties
            )
        except (DefinitionError, ExpressionError, LimitExceeded) as error:
            # Not in a version that was validated, unless the action has changed since.
            raise InvalidInput.at("/inputs", error.code, f"Action '{node.id}': {error.message}") from error
        absent = {name: value for name, value in contract.defaults.items() if name not in node.inputs}
        return cls(node.id, action, contract, fields, absent, limits, secrets_of(node, action))

    def resolve(self, scope: ReferenceScope) -> dict[str, Json]:
        budget = Budget(self.limits)
        values = copied(self.absent_defaults, budget) if self.absent_defaults else {}
        problems: list[Problem] = []
        for field in self.fields:
            try:
                value = field.source.resolve(scope, budget)
            except (ExpressionError, LimitExceeded) as error:
                problems.append(self._problem(field.name, error.code, error.message))
                continue
            if value is not MISSING:
                values[field.name] = value
            elif not self._settle_missing(field.name, values):
                problems.append(self._missing(field))
        if not problems and not self.contract.resolved.is_valid(values):
            problems = list(self.refusals(values))
        if problems:
            raise InvalidInput(problems)
        return cast(dict[str, Json], values)

    def _settle_missing(self, name: str, values: dict[str, Any]) -> bool:
        """Apply the rule for a whole reference without a value; return false if there must be one."""
        if name in self.contract.required:
            return False
        if name in self.contract.defaults:
            values[name] = copied(self.contract.defaults[name], Budget())
        elif name in self.contract.nullable or name not in self.contract.properties:
            values[name] = None
        return True

    def _missing(self, field: _Field) -> Problem:
        return self._problem(field.name, "missing-input", f"it is required, and {field.written} has no value")

    def refusals(self, values: dict[str, Json]) -> Iterator[Problem]:
        """Yield what is wrong with resolved values."""
        for violation in told_violations(self.contract.resolved, values):
            if self.secrets and depends_on_secret(violation):
                continue
            name = str(violation.path[0]) if violation.path else ""
            inner = f" (at {violation.pointer})" if len(violation.path) > 1 else ""
            yield Problem(
                f"/inputs{violation.pointer}", "invalid-input", self._message(name, f"{violation.message}{inner}")
            )

    def _problem(self, name: str, code: str, message: str) -> Problem:
        return Problem(child_pointer("/inputs", name), code, self._message(name, message))

    def _message(self, name: str, reason: str) -> str:
        return f"Action '{self.node_id}' has an invalid input for '{name}': {reason}"
