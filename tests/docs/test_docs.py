"""The documentation says what is so: its Python runs, its documents validate, its links lead somewhere."""

from __future__ import annotations

import ast
import json
import os
import re
import tomllib
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from workflowkit.app import WorkflowKit
from workflowkit.base.errors import WorkflowKitError
from workflowkit.base.failpoints import TRANSACTIONS
from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.definition.cel import compile_expression
from workflowkit.definition.patterns import check_event_pattern
from workflowkit.engine import planner
from workflowkit.engine.facts import FactKind
from workflowkit.engine.retry import DELAY_CLAMPED
from workflowkit.engine.states import EdgeState, RunStatus, StepStatus
from workflowkit.runtime.control import CANCELLED_BY_USER
from workflowkit.runtime.incoming import parse_event
from workflowkit.runtime.matching import DEPTH_EXCEEDED
from workflowkit.triggers.matching import NoMatch

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
BY_NAME = {str(page.relative_to(ROOT)): page.read_text("utf-8") for page in PAGES}


@dataclass(frozen=True)
class Block:
    """A fenced block: ``info`` is what follows the fence, ``line`` where its text begins."""

    page: str
    info: str
    text: str
    line: int

    @property
    def language(self) -> str:
        return self.info.partition(" ")[0]

    @property
    def label(self) -> str:
        return self.info.partition(" ")[2]


def blocks_of(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    text = BY_NAME[page]
    found = re.finditer(r"^```([^\n`]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(page, match[1].strip(), match[2], text.count("\n", 0, match.start(2)) + 1) for match in found]


def blocks(language: str) -> list[Block]:
    """Return the blocks of a language on all pages."""
    return [block for page in BY_NAME for block in blocks_of(page) if block.language == language]


def place_of(block: Block) -> str:
    return f"{block.page}:{block.line}"


def table(page: str, header: str) -> list[list[str]]:
    """Return the rows of the tables of a page whose first column is ``header``; cells without backquotes."""
    rows: list[list[str]] = []
    is_wanted = False
    for line in BY_NAME[page].splitlines():
        cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not line.startswith("|"):
            is_wanted = False
        elif cells[0] == header:
            is_wanted = True
        elif is_wanted and not set(cells[0]) <= {"-", ":"}:
            rows.append(cells)
    return rows


def names_in(cell: str) -> list[str]:
    """Return what stands in backquotes."""
    return re.findall(r"`([^`]+)`", cell)


# --- Python


@pytest.fixture
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment that says nothing."""
    monkeypatch.chdir(tmp_path)
    for name in [*os.environ]:
        if name.startswith("WORKFLOWKIT_") or name in ("DATABASE_URL", "REDIS_URL"):
            monkeypatch.delenv(name)
    return tmp_path


PAGES_WITH_PYTHON = sorted({block.page for block in blocks("python")})


def executed(page: str, directory: Path) -> dict[str, Any]:
    """Execute the Python blocks of a page, one after the other, beside its workflow documents; return the names."""
    for block in blocks_of(page):
        if block.label.startswith("workflow="):
            (directory / block.label.removeprefix("workflow=")).write_text(block.text, "utf-8")
    names: dict[str, Any] = {"__name__": "documentation"}
    for block in blocks_of(page):
        if block.language == "python":
            # Empty lines, so that a traceback names the line of the page.
            code = compile("\n" * (block.line - 1) + block.text, str(ROOT / page), "exec", dont_inherit=True)
            exec(code, names)
    return names


@pytest.mark.parametrize("page", PAGES_WITH_PYTHON)
def test_the_python_of_a_page_runs(page: str, empty_directory: Path) -> None:
    names = executed(page, empty_directory)

    for value in names.values():
        if isinstance(value, WorkflowKit):
            value.stop()


def test_there_is_python_in_the_documentation() -> None:
    assert {"README.md", "docs/actions.md", "docs/embedding.md"} <= set(PAGES_WITH_PYTHON)


# --- JSON


@pytest.mark.parametrize("block", blocks("json"), ids=place_of)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


WORKFLOWS = [block for block in blocks("json") if block.label.startswith("workflow")]


@pytest.mark.parametrize("block", WORKFLOWS, ids=place_of)
def test_a_workflow_document_is_valid_and_free_of_warnings(block: Block, empty_directory: Path) -> None:
    wk = WorkflowKit()
    for value in executed(block.page, empty_directory).values():
        if isinstance(value, WorkflowKit):
            wk = value
            value.stop()

    from workflowkit.definition import validate

    assert validate(json.loads(block.text), wk.registry) == []


@pytest.mark.parametrize("block", [block for block in blocks("json") if block.label == "event"], ids=place_of)
def test_an_event_is_accepted(block: Block) -> None:
    parse_event(json.loads(block.text), DEFAULT_LIMITS)


@pytest.mark.parametrize("block", [block for block in blocks("json") if block.label == "trigger"], ids=place_of)
def test_a_trigger_is_valid(block: Block) -> None:
    trigger = json.loads(block.text)

    assert check_event_pattern(trigger["event"]) is None
    compile_expression(trigger["if"])


def test_there_are_workflows_and_events_in_the_documentation() -> None:
    assert {block.page for block in WORKFLOWS} >= {"README.md", "docs/workflow-format.md", "docs/actions.md"}
    assert any(block.label == "event" for block in blocks("json"))


# --- Python that cannot run by itself


@pytest.mark.parametrize("block", blocks("py"), ids=place_of)
def test_python_that_needs_a_host_at_least_compiles(block: Block) -> None:
    compile(block.text, place_of(block), "exec", dont_inherit=True)


# --- links


def anchors_of(page: str) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#{1,6} (.*)$", re.sub(r"^```.*?^```$", "", BY_NAME[page], flags=re.DOTALL | re.M), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links_of(page: str) -> list[str]:
    """Return the targets of a page's links."""
    text = re.sub(r"^```.*?^```$", "", BY_NAME[page], flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "``", text))


@pytest.mark.parametrize("page", BY_NAME)
def test_links_lead_to_files_and_headings_that_exist(page: str) -> None:
    for link in links_of(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        name = str(target.resolve().relative_to(ROOT))
        assert not anchor or anchor in anchors_of(name), link


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), ["README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in links_of(page):
            target = ((ROOT / page).parent / link.partition("#")[0]).resolve()
            if target.is_dir():
                waiting += [str(path.relative_to(ROOT)) for path in target.glob("*.md")]
            elif target.suffix == ".md" and target.is_file():
                waiting.append(str(target.relative_to(ROOT)))

    assert reached == set(BY_NAME)


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
    cited = {tag for path in sources for tag in re.findall(r"\b[DEIRSW]\d{1,2}\b", path.read_text("utf-8"))}
    rows = [*table("docs/guarantees.md", "tag"), *table("docs/workflow-format.md", "id")]
    explained = {tag for row in rows for tag in row[0].split(", ")}

    assert cited - explained == set()


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
    reasons |= {*NoMatch, DEPTH_EXCEEDED, DELAY_CLAMPED, CANCELLED_BY_USER}

    assert {names_in(row[0])[0] for row in table("docs/reference/errors.md", "reason")} == reasons
