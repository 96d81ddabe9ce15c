"""Finding actions in directories and in installed packages."""

import json
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import jsonschema_rs
import pytest

from workflowkit.assets import asset_dir
from workflowkit.base.errors import AlreadyExists, DefinitionError
from workflowkit.registry import Registry, load_builtin_actions, load_directory, load_entry_points, loading

HELLO = """
from workflowkit.registry import action

@action("shop/hello", name="Hello")
def hello(name: str) -> str:
    return "Hello " + name

again = hello
"""


@pytest.fixture(autouse=True)
def _no_modules_left() -> Iterator[None]:
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith("workflowkit_user_actions"):
            del sys.modules[name]


def test_the_builtin_actions_are_those_the_product_promises() -> None:
    registry = Registry()
    load_builtin_actions(registry)

    assert {"builtin:if", "switch", "set", "emit_event", "log", "stop"} <= set(registry.kinds())
    for kind in registry.kinds():
        assert registry.get("builtin:" + kind.removeprefix("builtin:")) is registry.get(kind)


def test_every_builtin_action_describes_itself_and_its_inputs() -> None:
    registry = Registry()
    load_builtin_actions(registry)

    for spec in registry:
        assert spec.description, spec.kind
        assert spec.category, spec.kind
        assert spec.icon, spec.kind
        for name, schema in spec.inputs["properties"].items():
            assert schema.get("description"), (spec.kind, name)


def test_every_public_half_keeps_the_published_schema() -> None:
    registry = Registry()
    load_builtin_actions(registry)
    schema = json.loads((asset_dir("schemas") / "action.schema.json").read_text())

    for public in registry.public():
        jsonschema_rs.validate(schema, public)


def test_two_registries_load_the_builtin_actions_independently() -> None:
    first, second = Registry(), Registry()
    load_builtin_actions(first)
    load_builtin_actions(second)

    assert first.kinds() == second.kinds()


def test_a_users_directory_is_loaded_like_ours(tmp_path: Path) -> None:
    (tmp_path / "hello.py").write_text(HELLO)
    (tmp_path / "_helpers.py").write_text("raise RuntimeError('not an action module')")
    registry = Registry()

    load_directory(registry, tmp_path)

    spec = registry.get("shop/hello")
    assert spec is not None
    assert spec.handler(name="Ann") == "Hello Ann"
    assert registry.kinds() == ["shop/hello"]


def test_modules_of_a_directory_may_import_each_other(tmp_path: Path) -> None:
    (tmp_path / "_names.py").write_text("KIND = 'shop/named'")
    (tmp_path / "named.py").write_text(HELLO.replace('"shop/hello"', "KIND") + "\nfrom ._names import KIND as _x")
    (tmp_path / "named.py").write_text("from ._names import KIND\n" + HELLO.replace('"shop/hello"', "KIND"))
    (tmp_path / "user.py").write_text("from .named import hello")
    registry = Registry()

    load_directory(registry, tmp_path)

    assert registry.kinds() == ["shop/named"]


def test_two_files_with_the_same_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(HELLO)
    (tmp_path / "b.py").write_text(HELLO)

    with pytest.raises(AlreadyExists, match="shop/hello"):
        load_directory(Registry(), tmp_path)


@pytest.mark.parametrize(
    ("source", "words"), [("1 / 0", "ZeroDivisionError"), ("def f(:", "SyntaxError"), ("import no_such_x", "no_such_x")]
)
def test_a_file_that_cannot_be_imported_is_named_each_time(tmp_path: Path, source: str, words: str) -> None:
    (tmp_path / "broken.py").write_text(source)

    for _ in range(2):
        with pytest.raises(DefinitionError, match=words) as refusal:
            load_directory(Registry(), tmp_path)
        assert str(tmp_path / "broken.py") in str(refusal.value)


def test_a_file_that_ends_the_process_is_not_remembered(tmp_path: Path) -> None:
    (tmp_path / "leaver.py").write_text("raise SystemExit(3)")

    for _ in range(2):
        with pytest.raises(SystemExit):
            load_directory(Registry(), tmp_path)


def test_a_directory_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="nowhere"):
        load_directory(Registry(), tmp_path / "nowhere")


def test_what_is_no_python_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text(HELLO)
    monkeypatch.setattr("importlib.util.spec_from_file_location", lambda *_: None)

    with pytest.raises(DefinitionError, match="no Python module"):
        load_directory(Registry(), tmp_path)


def offering(registry: Registry) -> None:
    registry.action("pack/function")(lambda ctx: None)


def test_installed_packages_offer_modules_and_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("offered_module")
    exec(HELLO, module.__dict__)
    monkeypatch.setitem(sys.modules, "offered_module", module)
    function_module = ModuleType("offering_module")
    function_module.offering = offering  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "offering_module", function_module)
    offers = [
        EntryPoint("b", "offering_module:offering", loading.ENTRY_POINT_GROUP),
        EntryPoint("a", "offered_module", loading.ENTRY_POINT_GROUP),
    ]
    monkeypatch.setattr(loading, "entry_points", lambda *, group: [o for o in offers if o.group == group])
    registry = Registry()

    load_entry_points(registry)

    assert registry.kinds() == ["pack/function", "shop/hello"]
