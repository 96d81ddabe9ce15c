"""The README's section of measured figures is generated from a result file."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench import report
from bench.report import Sample

REPOSITORY = Path(__file__).resolve().parents[2]


def load_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_readme", REPOSITORY / "scripts" / "bench_readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


script = load_script()


def a_document(**changes: Any) -> dict[str, Any]:
    about = {
        "at": "2026-01-02T03:04:05+00:00",
        "commit": "0123abcd",
        "command": "./wk bench",
        "quick": False,
        "rounds": 5,
        "peers": ["ours", "dbos"],
        "machine": {
            "processor": "AMD EPYC",
            "processors": 2,
            "memory_gb": 23.5,
            "system": "Debian GNU/Linux 12",
            "file_system": "ext4",
        },
        "versions": {"postgresql": "15.18", "redis": "7.0.15", "python": "3.11.7", "dbos": {"dbos": "3.4.0"}},
    }
    samples = [
        Sample("W1", "burst", "ours", 0, {"runs_per_second": 200.0}),
        Sample("W1", "burst", "dbos", 0, {"runs_per_second": 50.0}),
    ]
    return report.build_document(samples, about | changes)


def test_the_section_shows_figures_machine_versions_and_command() -> None:
    text = script.section(a_document(), "2026-01-02-0123abcd.json")
    for part in ("200.0 | 50.0 | 4.0x", "2 x AMD EPYC", "PostgreSQL 15.18", "dbos 3.4.0", "`./wk bench`", "5 rounds"):
        assert part in text


def test_only_the_text_between_the_markers_is_replaced() -> None:
    readme = f"# Title\n\n{script.BEGIN}\nold\n{script.END}\n\n## More\n"
    assert script.replace_section(readme, "new") == f"# Title\n\n{script.BEGIN}\n\nnew\n\n{script.END}\n\n## More\n"


def test_writing_the_section_twice_changes_nothing() -> None:
    once = script.replace_section(f"{script.BEGIN}{script.END}", "new")
    assert script.replace_section(once, "new") == once


@pytest.mark.parametrize("readme", ["no markers", "begin only <!-- end of measured figures -->"])
def test_a_readme_without_both_markers_is_refused(readme: str) -> None:
    with pytest.raises(ValueError, match="lacks"):
        script.replace_section(readme, "new")


def test_the_newest_full_result_is_shown(tmp_path: Path) -> None:
    days = {"2026-01-09-bbbb.json": "2026-01-09", "2026-01-10-aaaa.json": "2026-01-10"}
    for name, day in {**days, "2026-01-11-cccc-quick.json": "2026-01-11"}.items():
        (tmp_path / name).write_text(json.dumps({"at": day, "summary": [{"workload": "W1"}]}))
    assert [path.name for path in script.newest_results(tmp_path)] == ["2026-01-10-aaaa.json"]


def test_each_workload_is_shown_from_its_newest_result(tmp_path: Path) -> None:
    for day, workloads in {"2026-01-01": ["W1", "W2"], "2026-01-02": ["W5"], "2026-01-03": ["W2"]}.items():
        summary = [{"workload": workload} for workload in workloads]
        (tmp_path / f"{day}.json").write_text(json.dumps({"at": day, "summary": summary}))
    names = [path.stem for path in script.newest_results(tmp_path)]
    assert names == ["2026-01-01", "2026-01-02", "2026-01-03"]


def test_without_any_result_there_is_nothing_to_show(tmp_path: Path) -> None:
    assert script.newest_results(tmp_path) == []
