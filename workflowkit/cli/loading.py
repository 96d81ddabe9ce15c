"""Applications named on the command line: ``shop.app:wk``, ``path/to/app.py:wk``, or a directory of actions."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar

import click

from workflowkit.base.errors import WorkflowKitError
from workflowkit.base.settings import Settings
from workflowkit.cli.output import Failure, Invalid, explain, plain

if TYPE_CHECKING:
    from workflowkit.app import WorkflowKit

_T = TypeVar("_T")

DEFAULT_ATTRIBUTE = "wk"
FORMS = "module:wk, path/to/file.py:wk, or a directory of action modules"

app_argument = click.argument("app", required=False, envvar="WORKFLOWKIT_APP", metavar="[APP]")
actions_option = click.option(
    "--actions", "actions", metavar="APP", envvar="WORKFLOWKIT_APP", help=f"Where the actions are: {FORMS}."
)


def load_app(name: str | None) -> WorkflowKit:
    """Return the application of that name, or one with nothing but the built-in actions.

    Raises ``Failure`` naming the file and line of whatever is wrong with it.
    """
    from workflowkit.app import WorkflowKit

    load_settings()  # so that a bad one is told as what it is
    if name is None:
        return _guarded("installed actions", WorkflowKit)
    if Path(name).is_dir():
        wk = _guarded("installed actions", WorkflowKit)
        _guarded(name, lambda: wk.load_actions(name))
        return wk
    found = _find(name)
    if callable(found) and not isinstance(found, WorkflowKit):
        found = _guarded(name, found)
    if not isinstance(found, WorkflowKit):
        raise Invalid(f"{name} is {type(found).__name__}, not a WorkflowKit or a function that returns one")
    return found


def load_settings() -> Settings:
    """Return the settings of the environment. Raises ``Failure`` naming the variable that is wrong."""
    try:
        return Settings.from_environment(os.environ)
    except ValueError as error:
        raise Invalid(str(error)) from error


def _find(name: str) -> Any:
    module_name, _, attribute = name.partition(":")
    attribute = attribute or DEFAULT_ATTRIBUTE
    module = _guarded(name, lambda: _import(module_name))
    try:
        return getattr(module, attribute)
    except AttributeError:
        raise Invalid(f"{module_name} has no {attribute!r}; name an application as {FORMS}") from None


def _import(name: str) -> ModuleType:
    if not name.endswith(".py"):
        _add_to_path(Path.cwd())
        return importlib.import_module(name)
    path = Path(name).resolve()
    if not path.is_file():
        raise Invalid(f"there is no file {name}")
    _add_to_path(path.parent)
    # Under its own name, so that a neighbour that imports it back gets this one; but never in another's place.
    module_name = path.stem if path.stem not in sys.modules else f"workflowkit_app_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise Invalid(f"{name} is no Python module")
    module = sys.modules[module_name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _add_to_path(directory: Path) -> None:
    """Let an application import its neighbours, as ``python app.py`` would."""
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))


def _guarded(name: str, load: Callable[[], _T]) -> _T:
    """Return what ``load`` returns; whatever goes wrong inside it is told with the place in the user's own code."""
    try:
        return load()
    except Failure:
        raise
    except WorkflowKitError as error:
        raise Invalid(f"{_place(name, error)}: {explain(error)}") from error
    except Exception as error:
        message = plain(str(error))
        raise Invalid(f"{_place(name, error)}: {type(error).__name__}: {message}") from error


def _place(name: str, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    own = str(Path(__file__).resolve().parents[1])
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith((own, "<frozen")) and "importlib" not in frame.filename:
            return f"{frame.filename}:{frame.lineno}"
    return name
