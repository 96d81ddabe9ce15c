"""The documentation says what is so: its Python runs, its documents validate, its links lead somewhere."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from documentation import BY_NAME, ROOT, Block, blocks, blocks_of, place_of
from kinds import LOOP, Kinds

from workflowkit import WorkflowKit
from workflowkit.base.limits import DEFAULT_LIMITS
from workflowkit.definition import parse_settings, parse_triggers, validate
from workflowkit.registry import Registry, load_builtin_actions
from workflowkit.runtime.incoming import parse_event

# --- Python


@pytest.fixture
def empty_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory, and an environment that says nothing. What a page sets there is gone afterwards."""
    monkeypatch.chdir(tmp_path)
    before = dict(os.environ)
    for name in before:
        if name.startswith("WORKFLOWKIT_") or name in ("DATABASE_URL", "REDIS_URL"):
            del os.environ[name]
    yield tmp_path
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


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


_registries: dict[str, Registry] = {}


def registry_of(page: str, directory: Path) -> Registry:
    """Return the actions that the Python of a page has registered. A page is executed once: some of them wait."""
    if page not in _registries:
        kits = [value for value in executed(page, directory).values() if isinstance(value, WorkflowKit)]
        for wk in kits:
            wk.stop()
        _registries[page] = (kits or [WorkflowKit()])[-1].registry
    return _registries[page]


@pytest.mark.parametrize("page", PAGES_WITH_PYTHON)
def test_the_python_of_a_page_runs(page: str, empty_directory: Path) -> None:
    registry_of(page, empty_directory)


def test_there_is_python_in_the_documentation() -> None:
    assert {"README.md", "docs/actions.md", "docs/embedding.md"} <= set(PAGES_WITH_PYTHON)


# --- JSON


@pytest.mark.parametrize("block", blocks("json"), ids=place_of)
def test_json_is_json(block: Block) -> None:
    json.loads(block.text)


WORKFLOWS = [block for block in blocks("json") if block.label.startswith("workflow")]


@pytest.mark.parametrize("block", WORKFLOWS, ids=place_of)
def test_a_workflow_document_is_valid_and_free_of_warnings(block: Block, empty_directory: Path) -> None:
    assert validate(json.loads(block.text), registry_of(block.page, empty_directory)) == []


@pytest.mark.parametrize("block", [block for block in blocks("json") if block.label == "event"], ids=place_of)
def test_an_event_is_accepted(block: Block) -> None:
    parse_event(json.loads(block.text), DEFAULT_LIMITS)


def labelled(label: str) -> list[Block]:
    return [block for block in blocks("json") if block.label == label]


@pytest.mark.parametrize("block", labelled("triggers"), ids=place_of)
def test_triggers_are_valid(block: Block) -> None:
    assert len(parse_triggers(json.loads(block.text))) == len(json.loads(block.text))


@pytest.mark.parametrize("block", labelled("settings"), ids=place_of)
def test_settings_of_a_workflow_are_valid(block: Block) -> None:
    document = {"actions": [], "edges": [], "settings": json.loads(block.text)}

    assert [problem.pointer for problem in validate(document, Registry())] == ["/edges"]  # there are none
    parse_settings(json.loads(block.text))


@pytest.mark.parametrize("block", [*labelled("actions"), *labelled("loop")], ids=place_of)
def test_actions_are_valid_and_free_of_warnings(block: Block) -> None:
    registry = Registry()
    load_builtin_actions(registry)
    actions = json.loads(block.text) if block.label == "actions" else [json.loads(block.text)]
    edges = [{"from": "$source", "to": action["id"]} for action in actions]
    document = {"actions": actions, "edges": edges}

    assert validate(document, Kinds(*registry, LOOP)) == []


def test_there_are_workflows_and_events_in_the_documentation() -> None:
    assert {block.page for block in WORKFLOWS} >= {"README.md", "docs/workflow-format.md", "docs/actions.md"}
    for label in ("event", "triggers", "settings", "actions", "loop"):
        assert labelled(label)


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
