"""The pages of the documentation, their blocks and their tables, for the tests that hold them against the code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
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
    """Return the rows of the tables of a page whose first column is headed ``header``."""
    rows: list[list[str]] = []
    for lines in re.findall(r"(?:^\|.*\n)+", BY_NAME[page], re.MULTILINE):
        head, _, *body = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines.splitlines()]
        if head[0].strip() == header:
            rows += [[cell.strip().replace(r"\|", "|") for cell in cells] for cells in body]
    return rows


def names_in(cell: str) -> list[str]:
    """Return what stands in backquotes."""
    return re.findall(r"`([^`]+)`", cell)
