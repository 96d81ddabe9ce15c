"""Find the actions that modules declare with ``@action``: our own, those in a user's directory, installed packages'.

All three go one way: import the module, collect the specs that the decorator left on its functions, register them.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from workflowkit.assets import asset_dir
from workflowkit.base.errors import DefinitionError, Problem
from workflowkit.registry.catalogue import Registry
from workflowkit.registry.spec import SPEC_ATTRIBUTE, ActionSpec

#: Installed packages name a module, or a function that takes a registry, under this entry point group.
ENTRY_POINT_GROUP = "workflowkit.actions"


def load_builtin_actions(registry: Registry) -> None:
    """Register the actions that ship with this package."""
    _load(asset_dir("actions"), "workflowkit_actions", registry.add_builtin)


def load_directory(registry: Registry, path: Path | str) -> None:
    """Register what the Python modules of a directory declare; files that begin with ``_`` are left alone.

    Modules may import each other relatively, and are imported once per process. Raises ``DefinitionError`` naming the
    file if one cannot be imported, ``AlreadyExists`` if a kind is taken.
    """
    directory = Path(path).resolve()
    if not directory.is_dir():
        raise _broken(directory, "there is no such directory")
    package = "workflowkit_user_actions_" + hashlib.sha256(str(directory).encode()).hexdigest()[:12]
    _load(directory, package, registry.add)


def load_entry_points(registry: Registry) -> None:
    """Register what installed packages offer under ``workflowkit.actions``: modules, or functions taking a registry."""
    for entry_point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda entry: entry.name):
        offered = entry_point.load()
        if isinstance(offered, ModuleType):
            for spec in _declared_in(offered):
                registry.add(spec)
        else:
            offered(registry)


def _load(directory: Path, package: str, add: Callable[[ActionSpec], None]) -> None:
    if package not in sys.modules:
        parent = ModuleType(package)
        parent.__path__ = [str(directory)]
        sys.modules[package] = parent
    for file in sorted(directory.glob("*.py")):
        if not file.name.startswith("_"):
            for spec in _declared_in(_imported(file, f"{package}.{file.stem}")):
                add(spec)


def _imported(file: Path, name: str) -> ModuleType:
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise _broken(file, "it is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[name]  # half a module must not pass for a whole one next time
        if isinstance(error, Exception):
            raise _broken(file, f"{type(error).__name__}: {error}") from error
        raise
    return module


def _declared_in(module: ModuleType) -> Iterator[ActionSpec]:
    """Yield the specs of the functions that were defined in this module, not those it imported."""
    # By identity, because a function may have two names in its module.
    functions = {id(value): value for value in vars(module).values()}
    for function in functions.values():
        spec = getattr(function, SPEC_ATTRIBUTE, None)
        if isinstance(spec, ActionSpec) and getattr(function, "__module__", None) == module.__name__:
            yield spec


def _broken(path: Path, reason: str) -> DefinitionError:
    return DefinitionError([Problem("", "action-module-broken", f"{path}: {reason}")])
