"""``workflowkit validate`` and the places it names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import a_workflow
from click.testing import CliRunner

from workflowkit.cli.places import locate
from workflowkit.cli.root import cli

GOOD = json.dumps(a_workflow().action("a", "log", {"message": "hi"}).path("$source", "a").document())
BAD = """{
  "actions": [
    {"id": "a", "kind": "log", "inputs": {"message": "hi"}},
    {"id": "b",
     "kind": "lgo"}
  ],
  "edges": [{"from": "$source", "to": "a"}, {"from": "a", "to": "b"}, {"from": "a", "to": "c"}]
}"""


def _files(directory: Path, **texts: str) -> list[str]:
    for name, text in texts.items():
        (directory / f"{name}.json").write_text(text)
    return [str(directory / f"{name}.json") for name in texts]


def test_all_problems_are_told_as_compilers_do(tmp_path: Path) -> None:
    (bad,) = _files(tmp_path, bad=BAD)
    result = CliRunner().invoke(cli, ["validate", bad])
    assert result.exit_code == 2
    places = [line.partition(": error: ")[0] for line in result.stdout.splitlines() if ": error: " in line]
    assert places == [f"{bad}:5:14", f"{bad}:7:91"]
    assert result.stdout.endswith("\n2 errors, 0 warnings\n")


def test_programs_get_all_problems_of_all_files_with_their_places(tmp_path: Path) -> None:
    files = _files(tmp_path, good=GOOD, bad=BAD, broken="{")
    result = CliRunner().invoke(cli, ["validate", "--json", *files])
    told = json.loads(result.stdout)
    assert (result.exit_code, told["is_valid"]) == (2, False)
    assert [(one["file"], one["pointer"], one["code"], one["line"]) for one in told["problems"]] == [
        (files[1], "/actions/1/kind", "unknown-kind", 5),
        (files[1], "/edges/2/to", "unknown-action", 7),
        (files[2], "", "invalid-json", 1),
    ]


def test_a_valid_file_exits_with_0(tmp_path: Path) -> None:
    (good,) = _files(tmp_path, good=GOOD)
    result = CliRunner().invoke(cli, ["validate", good])
    assert (result.exit_code, result.stdout) == (0, f"{good}: valid\n")
    result = CliRunner().invoke(cli, ["validate", "--json", "-"], input=GOOD)
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"is_valid": True, "problems": []})


def test_a_file_that_is_missing_is_named() -> None:
    result = CliRunner().invoke(cli, ["validate", "nowhere.json"])
    assert (result.exit_code, result.stderr) == (2, "error: nowhere.json: No such file or directory\n")


TEXT = '{"a": [1, {"b/c": "x",\n   "d~": {"": null}}],\n "e": 5}'


@pytest.mark.parametrize(
    ("pointer", "place"),
    [
        ("", (1, 1)),
        ("/a", (1, 7)),
        ("/a/0", (1, 8)),
        ("/a/1", (1, 11)),
        ("/a/1/b~1c", (1, 19)),
        ("/a/1/d~0", (2, 10)),
        ("/a/1/d~0/", (2, 15)),
        ("/e", (3, 7)),
        ("/a/7", (1, 7)),
        ("/e/deeper/still", (3, 7)),
        ("/missing", (1, 1)),
    ],
)
def test_a_pointer_leads_to_line_and_column_or_to_what_is_around_it(pointer: str, place: tuple[int, int]) -> None:
    assert locate(TEXT, pointer) == place


@pytest.mark.parametrize("text", ["", "{", '{"a"', '{"a": ', "[1, 2"])
def test_text_that_is_no_json_has_no_places(text: str) -> None:
    assert locate(text, "/2/b") is None
