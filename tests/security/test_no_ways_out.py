"""What shipped code may not do at all, or in one place only: run text, unpickle, start programs, open sockets."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("workflowkit", "actions") for path in (ROOT / folder).rglob("*.py"))

#: Module to the places that may import it: path prefixes.
PLACES: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ["pickle", "marshal", "shelve", "dill", "yaml", "code", "codeop", "runpy", "telnetlib", "ftplib"], ()
    ),
    **dict.fromkeys(["requests", "urllib3", "urllib.request", "xmlrpc", "aiohttp"], ()),
    # The command line talks to the server its user names.
    "http.client": ("workflowkit/cli/client.py",),
    **dict.fromkeys(["httpx", "httpcore", "h11", "ssl"], ("workflowkit/base/netguard/", "workflowkit/base/mail.py")),
    "httpx": ("workflowkit/base/netguard/", "workflowkit/contrib/httpx.py"),  # the application's own clients
    "smtplib": ("workflowkit/base/mail.py",),
    **dict.fromkeys(
        ["subprocess", "multiprocessing"],
        ("workflowkit/base/netguard/", "workflowkit/cli", "workflowkit/composition.py", "workflowkit/app.py"),
    ),
    "socket": (
        "workflowkit/base/netguard/",
        "workflowkit/cli",
        "workflowkit/composition.py",
        "workflowkit/app.py",
        "workflowkit/process.py",  # hands the socket of a gateway over
        "workflowkit/inngest/connect/gateway.py",  # where workers of apps connect
        "workflowkit/streams/",  # what browsers have opened, and is answered piece by piece
        "workflowkit/runtime/presence.py",  # the name of this machine
    ),
    # No stored text is a template; pages of the API are files of ours.
    "jinja2": ("workflowkit/api/",),
}
RUNS_TEXT = {"eval", "exec", "compile", "__import__"}
#: Roles of one installation are processes, which the command line starts; a workflow never starts one.
MAY_START_PROGRAMS = ("workflowkit/cli/",)
STARTS_PROGRAMS = {f"os.{name}" for name in ("system", "popen", "execv", "execve", "execvp", "posix_spawn", "spawnv")}


def imported_modules(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def forbidden_calls(tree: ast.AST, *, may_start_programs: bool = False) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        if called in RUNS_TEXT or (called in STARTS_PROGRAMS and not may_start_programs):
            yield called
        if any(keyword.arg == "shell" for keyword in node.keywords):
            yield "shell="


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_dangerous_modules_are_imported_only_where_they_belong(path: Path) -> None:
    place = str(path.relative_to(ROOT))
    modules = set(imported_modules(ast.parse(path.read_text())))
    named = {name for name in PLACES if any(module == name or module.startswith(name + ".") for module in modules)}
    assert {name for name in named if not place.startswith(PLACES[name])} == set()


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_text_is_run_and_no_program_is_started(path: Path) -> None:
    may_start_programs = str(path.relative_to(ROOT)).startswith(MAY_START_PROGRAMS)
    assert list(forbidden_calls(ast.parse(path.read_text()), may_start_programs=may_start_programs)) == []


@pytest.mark.parametrize(
    "code", ["eval(x)", "exec(x)", "compile(x, '', 'exec')", "os.system(x)", "run(x, shell=True)", "__import__(x)"]
)
def test_the_check_sees_what_it_looks_for(code: str) -> None:
    assert list(forbidden_calls(ast.parse(code)))


@pytest.mark.parametrize(
    "code", ["import pickle", "from urllib import request", "import http.client", "from yaml import x"]
)
def test_the_check_sees_every_form_of_import(code: str) -> None:
    modules = set(imported_modules(ast.parse(code)))
    assert any(module == name or module.startswith(name + ".") for name in PLACES for module in modules)
