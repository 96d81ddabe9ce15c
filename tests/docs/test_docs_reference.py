"""The tables and names in the documentation are those of the code: nothing is missing, nothing is made up."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from dataclasses import fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from documentation import BY_NAME, ROOT, blocks, blocks_of, names_in, table

from workflowkit import Field, Settings, StepContext, WorkflowKit
from workflowkit.base.errors import WorkflowKitError
from workflowkit.base.failpoints import TRANSACTIONS
from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.cli.root import SECTIONS
from workflowkit.definition.model import OnError
from workflowkit.definition.references import MISSING, ReferenceScope, compile_template
from workflowkit.engine import planner
from workflowkit.engine.facts import FactKind
from workflowkit.engine.retry import BACKOFF_SECONDS, DELAY_CLAMPED, JITTER_SECONDS
from workflowkit.engine.states import EdgeState, RunStatus, StepStatus
from workflowkit.flow.decision import SkipReason
from workflowkit.registry import Registry, load_builtin_actions
from workflowkit.runtime import cause
from workflowkit.runtime.deliveries import CHALLENGE, NO_EVENT, NO_TENANT, SENT_AGAIN
from workflowkit.runtime.keys import PERMISSIONS
from workflowkit.runtime.matching import (
    DEPTH_EXCEEDED,
    HELD,
    INPUTS_REFUSED,
    TARGET_DISABLED,
    TARGET_MISSING,
    TARGET_UNPUBLISHED,
)
from workflowkit.runtime.schedules import OVERLAP_SKIPPED
from workflowkit.runtime.starting import START_FAILED
from workflowkit.triggers.matching import NoMatch
from workflowkit.webhooks.signing import Fault
from workflowkit.webhooks.transform import EVENT_NAME_NOT_ALLOWED

# --- names and tags of code


def resolve(name: str) -> Any:
    """Return the module, class or function that a dotted name below ``workflowkit`` means."""
    found: Any = import_module("workflowkit")
    path = "workflowkit"
    for part in name.split("."):
        path += f".{part}"
        if isinstance(found, ModuleType) and hasattr(found, "__path__") and find_spec(path) is not None:
            found = import_module(path)
        else:
            found = getattr(found, part)
    return found


def test_names_of_code_in_architecture_and_lifecycle_exist() -> None:
    packages = {path.stem for path in (ROOT / "workflowkit").iterdir()}
    written = "".join(BY_NAME[f"docs/{page}.md"] for page in ("architecture", "lifecycle"))
    names = {name for name in re.findall(r"`([a-z_]+(?:\.\w+)+)`", written) if name.partition(".")[0] in packages}

    assert len(names) > 40
    for name in sorted(names):
        resolve(name)


def test_the_layers_on_the_page_are_those_of_the_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    (shown,) = [block.text for block in blocks("layers")]

    assert shown.split("\n")[:-1] == [re.sub(r"[()]", "", layer).replace(" : ", " | ") for layer in layers]


@pytest.mark.parametrize("name", TRANSACTIONS)
def test_every_transaction_is_explained(name: str) -> None:
    assert f"`{name}`" in BY_NAME["docs/architecture.md"]
    assert f"`{name}`" in BY_NAME["docs/guarantees.md"]


def test_every_table_is_explained() -> None:
    from workflowkit.store.schema import metadata

    shown = {name for row in table("docs/architecture.md", "table") for name in names_in(row[0])}

    assert shown == set(metadata.tables)


@pytest.mark.parametrize("word", [*RunStatus, *StepStatus, *EdgeState, *FactKind])
def test_every_state_word_is_explained(word: str) -> None:
    assert re.search(rf"\b{word}\b", BY_NAME["docs/lifecycle.md"])


def test_every_tag_of_a_rule_in_the_code_is_explained() -> None:
    sources = [path for name in ("workflowkit", "actions", "migrations") for path in (ROOT / name).rglob("*.py")]
    cited = {
        tag
        for path in sources
        for tag in re.findall(r"\b[DEIRSW]\d{1,2}\b|(?<=SAFETY: )[A-Z]\d{1,2}\b", path.read_text("utf-8"))
    }
    rows = [*table("docs/guarantees.md", "tag"), *table("docs/workflow-format.md", "id")]
    explained = {tag for row in rows for tag in row[0].split(", ")}

    assert cited - explained == set()


def test_every_guarantee_names_what_tries_to_break_it() -> None:
    rows = [row for row in table("docs/guarantees.md", "tag") if row[0][0] == "I"]

    assert len(rows) > 15
    assert [row[0] for row in rows if not re.search(r"`tests/[\w/]+\.py::\w+`", row[-1])] == []


def test_every_test_that_a_guarantee_names_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", BY_NAME["docs/guarantees.md"])

    assert len(named) > 30
    for path, function in named:
        assert re.search(rf"^def {function}\(", (ROOT / path).read_text("utf-8"), re.MULTILINE), f"{path}::{function}"


# --- errors

#: Calls that make a problem or an error; their arguments of this form are codes.
MAKERS = frozenset({"Problem", "problem", "_problem", "_invalid", "_invalid_output", "_final", "_refuse", "_Refused"})
CODE = re.compile(r"[a-z]+(?:-[a-z]+)+")


def codes_in(path: Path) -> set[str]:
    """Return the codes of problems that a module makes."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            texts = [each.value for each in node.args if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            if name == "Problem":  # the second argument, of one word too
                second = node.args[1:2]
                found |= {each.value for each in second if isinstance(each, ast.Constant) and type(each.value) is str}
            elif name in MAKERS:
                found |= {text for text in texts if CODE.fullmatch(text)}
    return found


def documented_codes() -> set[str]:
    return {name for row in table("docs/reference/errors.md", "code") for name in names_in(row[0])}


def test_every_problem_code_is_explained() -> None:
    sources = [path for name in ("workflowkit", "actions") for path in (ROOT / name).rglob("*.py")]
    made = {code for path in sources for code in codes_in(path)}

    assert len(made) > 50
    assert made - documented_codes() == set()


def test_every_explained_code_is_in_the_code() -> None:
    sources = [path for name in ("workflowkit", "actions") for path in (ROOT / name).rglob("*.py")]
    text = "".join(path.read_text("utf-8") for path in sources)

    assert {code for code in documented_codes() if f'"{code}"' not in text} == set()


def error_classes() -> dict[str, type[WorkflowKitError]]:
    """Return the classes that have a code of their own, by name."""
    waiting, found = [WorkflowKitError], {}
    while waiting:
        error = waiting.pop()
        waiting += error.__subclasses__()
        if error.__module__.startswith("workflowkit.") and "code" in vars(error):
            found[error.__name__] = error
    return found


def test_every_error_class_is_explained_as_it_is() -> None:
    import workflowkit
    from workflowkit.api.errors import status_of

    rows = {names_in(row[1])[0]: row for row in table("docs/reference/errors.md", "code") if len(row) == 5}
    classes = error_classes()

    assert rows.keys() == classes.keys()
    for name, (code, written, status, retryable, _) in rows.items():
        error = classes[name]
        assert names_in(code) == [error.code], name
        assert retryable == ("yes" if error.retryable else "no"), name
        assert int(status) == status_of(error.__new__(error)), name
        assert written.endswith("*") == (name in workflowkit.__all__), name


def test_every_reason_is_explained() -> None:
    reasons = {getattr(planner, name) for name in ("CONDITION_FALSE", "BRANCH_DEAD", "JOIN_NOT_MET", "RUN_STOPPED")}
    reasons |= {planner.SKIP_IF, planner.DISABLED, planner.CACHED, planner.KEPT}
    reasons |= {INPUTS_REFUSED, TARGET_MISSING, TARGET_UNPUBLISHED, TARGET_DISABLED, OVERLAP_SKIPPED}
    reasons |= {*NoMatch, DEPTH_EXCEEDED, START_FAILED, DELAY_CLAMPED}
    reasons |= {cause.CANCELLED_BY_USER, cause.CANCELLED_BY_EVENT, cause.PARENT_ENDED, cause.REPLACED, *SkipReason}
    reasons |= {cause.START_TIMEOUT, cause.FINISH_TIMEOUT, cause.CANCELLED_BY_PAUSE, cause.PAUSED_TOO_LONG}
    reasons |= set(HELD.values())
    reasons |= {EVENT_NAME_NOT_ALLOWED, NO_EVENT, NO_TENANT, CHALLENGE, SENT_AGAIN}
    reasons |= {value for name, value in vars(Fault).items() if not name.startswith("_")}

    assert {names_in(row[0])[0] for row in table("docs/reference/errors.md", "reason")} == reasons


# --- settings, limits, permissions, actions


def shown_default(value: Any) -> str:
    if value in (None, ()):
        return "none"
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, int | float) and value < 1e6 else str(value)


def test_every_setting_is_explained_with_its_default() -> None:
    rows = {names_in(row[0])[0]: names_in(row[1])[0] for row in table("docs/operating.md", "setting")}
    settings = Settings.from_environment({})

    assert rows == {
        field.name: shown_default(getattr(settings, field.name)) for field in fields(Settings) if field.name != "limits"
    }


def test_every_limit_is_explained_with_its_default() -> None:
    rows = {names_in(row[0])[0]: int(row[1]) for row in table("docs/operating.md", "limit")}

    assert rows == {field.name: getattr(DEFAULT_LIMITS, field.name) for field in fields(DEFAULT_LIMITS)}


def test_every_permission_is_explained() -> None:
    assert [names_in(row[0])[0] for row in table("docs/api.md", "permission")] == list(PERMISSIONS)


def test_routes_on_the_page_exist() -> None:
    from workflowkit.api import create_app
    from workflowkit.api.services import services_of

    runtime = WorkflowKit(database_url="sqlite://").runtime
    rules = {re.sub(r"<[^>]+>", "<>", rule.rule) for rule in create_app(services_of(runtime)).url_map.iter_rules()}
    runtime.close()
    shown = {
        re.sub(r"<[^>]+>", "<>", path) for path in re.findall(r"`[^`]*?(/(?:api|e)/[^`\s]*)`", BY_NAME["docs/api.md"])
    }

    assert len(shown) > 12
    assert shown - rules == set()


def test_the_table_of_builtin_actions_is_complete_and_true() -> None:
    registry = Registry()
    load_builtin_actions(registry)
    rows = {names_in(row[0])[0]: row for row in table("docs/actions.md", "kind")}

    assert rows.keys() == set(registry.kinds())
    for spec in registry:
        _, inputs, _, retries = rows[spec.kind]
        assert names_in(inputs) == list(spec.inputs.get("properties", {})), spec.kind
        assert int(retries) == spec.retries, spec.kind


def test_everything_of_the_context_is_explained() -> None:
    public = {name for name in dir(StepContext) if not name.startswith("_")}
    shown = {name.partition("(")[0] for row in table("docs/actions.md", "attribute") for name in names_in(row[0])}

    # What a handler has asked for is for the executor to read.
    assert public - shown == {"emitted", "is_stopped", "session", "stop_output"}
    assert shown <= public


def test_the_hints_for_an_input_are_listed() -> None:
    (sentence,) = re.findall(r"`Field` takes (.*?)\. ", BY_NAME["docs/actions.md"], re.DOTALL)

    assert set(names_in(sentence)) == {field.name for field in fields(Field)}


# --- the workflow document


def test_every_key_of_the_schema_is_explained() -> None:
    schema = json.loads((ROOT / "schemas" / "workflow.schema.json").read_text("utf-8"))
    names = (
        "trigger",
        "action",
        "settings",
        "body",
        "edge",
        "workflow_settings",
        "cancel_rule",
        "concurrency",
        "handler",
    )
    objects = [schema, *(schema["$defs"][name] for name in names)]
    keys = {key for each in objects for key in each["properties"]}
    page = "docs/workflow-format.md"
    rows = [*table(page, "key"), *table(page, "setting")]

    assert {name for row in rows for name in names_in(row[0])} == keys
    conditions = [names_in(row[0])[0] for row in table(page, "`conditional.type`")]
    assert conditions == schema["$defs"]["conditional"]["properties"]["type"]["enum"]
    assert [names_in(row[0])[0] for row in table(page, "`on_error`")] == [*OnError]


@pytest.mark.parametrize("row", table("docs/workflow-format.md", "written"), ids=lambda row: row[0])
def test_a_reference_gives_the_value_beside_it(row: list[str]) -> None:
    (event,) = [json.loads(each.text) for each in blocks_of("docs/workflow-format.md") if each.label == "event"]
    written, value = (json.loads(names_in(cell)[0]) for cell in row)

    found = compile_template(written).resolve(ReferenceScope(event, {}))

    assert (None if found is MISSING else found) == value


def test_the_pauses_between_attempts_are_those_of_the_engine() -> None:
    written = " ".join(
        f"{seconds:g} s" if seconds < 60 else f"{seconds / 60:g} min" if seconds < 3600 else f"{seconds / 3600:g} h"
        for seconds in BACKOFF_SECONDS
    )
    text = re.sub(r",| and then", "", BY_NAME["docs/workflow-format.md"].replace("\n", " "))

    assert written in text
    assert f"plus up to {JITTER_SECONDS:g} s by chance" in text


# --- what else a page lists


def test_every_dependency_has_a_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    extras = project["project"]["optional-dependencies"].values()
    needed = [*project["project"]["dependencies"], *(each for extra in extras for each in extra)]
    names = [re.split(r"[<>=;~ ]", requirement)[0] for requirement in needed]

    assert sorted(names_in(row[0])[0] for row in table("CONTRIBUTING.md", "package")) == sorted(names)


def test_every_dependency_of_build_and_tests_has_a_reason() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    names = {re.split(r"[<>=;~ \[]", requirement)[0] for group in groups.values() for requirement in group}

    assert {name for name in names if f"`{name}" not in BY_NAME["CONTRIBUTING.md"] and "types" not in name} == set()


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(path.name[:4]) for path in sorted((ROOT / "docs" / "decisions").glob("*.md"))]

    assert numbers == list(range(1, len(numbers) + 1))


def test_the_readme_has_the_place_for_measured_figures() -> None:
    for marker in re.findall(r'^(?:BEGIN|END) = "(.*)"$', (ROOT / "scripts" / "bench_readme.py").read_text(), re.M):
        assert BY_NAME["README.md"].count(marker) == 1


# --- the command line

COMMANDS = [name for section in SECTIONS.values() for name in section]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_explained(name: str) -> None:
    assert f"`workflowkit {name}`" in BY_NAME["docs/operating.md"]


def test_commands_on_the_pages_exist() -> None:
    own = {"test", "lock"}  # of ./wk itself
    lines = [line.strip() for block in blocks("sh") for line in block.text.splitlines()]
    called = {match[1] for line in lines if (match := re.match(r"(?:\w+=\S+ )*(?:workflowkit|\./wk) (\w+)", line))}
    written = {name for text in BY_NAME.values() for name in re.findall(r"`(?:workflowkit|\./wk) (\w+)", text)}

    assert len(called) > 5
    assert called | written <= {*COMMANDS, *own}


def test_the_example_in_the_readme_shows_the_steps_of_its_workflow() -> None:
    (transcript,) = blocks("up")
    document = json.loads((ROOT / "examples" / "orders" / "workflow.json").read_text("utf-8"))
    shown = re.findall(r"^  [✓·] (.+?)  +(?:completed|skipped)", transcript.text, re.MULTILINE)

    assert f"run   {document['name']}" in transcript.text
    assert shown == [action["name"] for action in document["actions"]]


def test_the_timeouts_of_connections_are_those_of_the_code() -> None:
    from workflowkit.store import engines

    text = " ".join(BY_NAME["docs/operating.md"].split())
    for words, milliseconds in (
        ("to connect", engines.CONNECT_TIMEOUT_SECONDS * 1000),
        ("unacknowledged data", engines.TCP_USER_TIMEOUT_MS),
        ("a lock", engines.LOCK_TIMEOUT_MS),
        ("a statement", engines.STATEMENT_TIMEOUT_MS),
        ("an idle transaction", engines.IDLE_IN_TRANSACTION_TIMEOUT_MS),
    ):
        assert f"{words} {milliseconds / 1000:g} s" in text
