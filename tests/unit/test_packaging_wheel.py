"""What an installed workflowkit contains, as a wheel and as an editable install."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
import zipfile
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import pytest

from scripts.hatch_metadata import as_page
from workflowkit.assets import asset_dir

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("actions", "schemas", "migrations")

pytestmark = pytest.mark.packaging


@dataclass(frozen=True, slots=True)
class Installation:
    """A virtual environment with nothing of its own but workflowkit."""

    python: Path
    site_packages: Path
    home: Path

    def run(self, code: str) -> str:
        """Run Python code outside the checkout; return what it prints."""
        command = [str(self.python), "-I", "-c", code]
        result = subprocess.run(command, cwd=self.home, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return result.stdout


def files_in_checkout(directory: str) -> set[str]:
    files = (ROOT / directory).rglob("*")
    return {
        f"{directory}/{path.relative_to(ROOT / directory).as_posix()}"
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }


def build(target: str, source: Path, destination: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(destination)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (artifact,) = destination.iterdir()
    return artifact


def install(wheel: Path, home: Path) -> Installation:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / "venv"], check=True)
    python = home / "venv/bin/python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--no-deps", "--no-index", str(wheel)], check=True)
    (site_packages,) = (home / "venv/lib").glob("python*/site-packages")
    # The dependencies come from the environment of the tests. A path added by a .pth file has its own .pth files
    # ignored, so the editable install in there stays out of sight.
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Installation(python, site_packages, home)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", ROOT, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed_wheel(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return install(wheel, tmp_path_factory.mktemp("installed"))


@pytest.fixture(scope="module")
def installed_editable(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    editable = build("wheel:editable", ROOT, tmp_path_factory.mktemp("editable"))
    return install(editable, tmp_path_factory.mktemp("installed"))


@pytest.fixture(params=["installed_wheel", "installed_editable"])
def installed(request: pytest.FixtureRequest) -> Installation:
    installation: Installation = request.getfixturevalue(request.param)
    return installation


def test_the_directories_beside_the_package_are_found(installed: Installation) -> None:
    code = f"""
import json
from workflowkit.assets import asset_dir
files = []
for name in {SHIPPED!r}:
    root = asset_dir(name)
    files += [f"{{name}}/{{p.relative_to(root).as_posix()}}" for p in root.rglob("*") if p.is_file()]
print(json.dumps([f for f in files if "__pycache__" not in f]))
"""
    expected = set().union(*(files_in_checkout(name) for name in SHIPPED))
    assert set(json.loads(installed.run(code))) == expected
    assert all(any(file.startswith(f"{name}/") for file in expected) for name in SHIPPED)


def test_nothing_but_workflowkit_becomes_importable(installed: Installation) -> None:
    code = f"""
import importlib.util
names = {(*SHIPPED, "scripts", "bench", "examples", "services", "conftest")!r}
print([name for name in names if importlib.util.find_spec(name)])
"""
    assert installed.run(code).strip() == "[]"


def test_a_wheel_adds_one_package(installed_wheel: Installation) -> None:
    added = {path.name for path in installed_wheel.site_packages.iterdir() if path.suffix != ".dist-info"}
    assert added == {"workflowkit", "dependencies.pth"}


def test_a_wheel_ships_code_and_types_but_no_compiled_files(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "workflowkit/py.typed" in names
    assert not [name for name in names if name.endswith(".pyc")]


def test_a_wheel_ships_the_built_web_interface(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "workflowkit/_shipped/web/.vite/manifest.json" in names
    assert [name for name in names if name.startswith("workflowkit/_shipped/web/assets/") and name.endswith(".js.gz")]
    assert not [name for name in names if "node_modules" in name]


def test_what_a_package_index_shows_of_a_wheel_leads_nowhere_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        told = message_from_bytes(archive.read(name))
    assert (told["Summary"], told["License-Expression"]) == (
        "User-defined, durable workflows inside your own Python product", "Apache-2.0",
    )  # fmt: skip
    assert "flask" in told["Keywords"].split(",")
    assert "Typing :: Typed" in told.get_all("Classifier", [])
    page = told.get_payload(decode=True)
    assert isinstance(page, bytes)
    text = page.decode()
    assert text.startswith("# Workflow Kit for Python\n")
    assert "<!--" not in text
    links = re.findall(r"\]\(([^)]+)\)", re.sub(r"(?s)^```.*?^```$", "", text, flags=re.MULTILINE))
    assert links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []


@pytest.mark.parametrize(
    ("text", "alone", "beside"),
    [
        ("see [docs/a.md](docs/a.md#x)", "see docs/a.md", "see [docs/a.md](https://x/blob/main/docs/a.md#x)"),
        ("![A picture](docs/a.png)\n", "\n", "![A picture](https://x/raw/main/docs/a.png)\n"),
        ("[`a[0]`](docs/a.md) <!-- no -->b", "`a[0]` b", "[`a[0]`](https://x/blob/main/docs/a.md) b"),
        ("[there](https://y) [below](#z)", "[there](https://y) [below](#z)", "[there](https://y) [below](#z)"),
        ("```\n[a](b)\n```\n`[c](d)`", "```\n[a](b)\n```\n`[c](d)`", "```\n[a](b)\n```\n`[c](d)`"),
    ],
)
def test_links_of_the_readme_are_made_for_a_place_without_its_neighbours(text: str, alone: str, beside: str) -> None:
    assert as_page(text) == alone
    assert as_page(text, "https://x") == beside


def test_an_installed_wheel_serves_it(installed_wheel: Installation) -> None:
    code = """
from workflowkit import WorkflowKit
page = WorkflowKit("shop", database_url="sqlite://").api().test_client().get("/")
print(page.status_code, "/assets/" in page.text)
"""
    assert installed_wheel.run(code).strip() == "200 True"


def test_an_editable_install_ships_no_copies(installed_editable: Installation) -> None:
    assert not (installed_editable.site_packages / "workflowkit").exists()


def test_a_database_is_migrated_from_a_wheel(installed_wheel: Installation) -> None:
    code = """
import sqlite3
from workflowkit.store import migrate
migrate.upgrade("sqlite:///shop.db")
print(sqlite3.connect("shop.db").execute("select count(*) from runs").fetchone())
"""
    assert installed_wheel.run(code).strip() == "(0,)"


def test_a_source_archive_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    archive = build("sdist", ROOT, tmp_path / "sdist")
    subprocess.run(["tar", "-xzf", archive, "-C", tmp_path], check=True)
    source = tmp_path / archive.name.removesuffix(".tar.gz")
    again = build("wheel", source, tmp_path / "again")
    assert sorted(zipfile.ZipFile(again).namelist()) == sorted(zipfile.ZipFile(wheel).namelist())
    for needed in ("wk", "LICENSE", "requirements-run.lock", "requirements-test.lock", "tests/conftest.py"):
        assert (source / needed).is_file(), needed


@pytest.mark.parametrize("name", SHIPPED)
def test_a_checkout_uses_its_own_directories(name: str) -> None:
    assert asset_dir(name) == ROOT / name


def test_an_unknown_directory_is_not_found() -> None:
    with pytest.raises(FileNotFoundError, match="'recipes'"):
        asset_dir("recipes")
