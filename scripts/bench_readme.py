"""Write the measured figures into README.md: of each workload the newest result of ``./wk bench``.

The section between the two markers is generated and never edited by hand; ``--check`` changes nothing and exits 1 if it
is out of date. Does nothing while there is no result.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(REPOSITORY))

from bench.report import disturbed, table  # noqa: E402  the line above makes bench/ importable
from workflowkit.base.spelling import counted  # noqa: E402

BEGIN = "<!-- measured figures: written by scripts/bench_readme.py -->"
END = "<!-- end of measured figures -->"


def main(arguments: Sequence[str] | None = None) -> int:
    """Update or check the section; return the exit status."""
    parser = argparse.ArgumentParser(description="Write the measured figures into README.md.")
    parser.add_argument("--check", action="store_true", help="only tell whether the section is up to date")
    options = parser.parse_args(arguments)
    results = newest_results(REPOSITORY / "bench" / "results")
    if not results:
        print("no result in bench/results: nothing to write")
        return 0
    readme = REPOSITORY / "README.md"
    before = readme.read_text()
    text = "\n\n".join(section(json.loads(result.read_text()), result.name) for result in results)
    after = replace_section(before, text)
    if options.check:
        names = ", ".join(result.name for result in results)
        print("README.md is up to date" if after == before else f"README.md does not show {names}")
        return int(after != before)
    readme.write_text(after)
    return 0


def newest_results(directory: Path) -> list[Path]:
    """Return the results that are the newest for some workload, oldest first; quick runs do not count."""
    documents = {
        path: json.loads(path.read_text()) for path in directory.glob("*.json") if not path.stem.endswith("-quick")
    }
    shown: set[str] = set()
    results = []
    for path in sorted(documents, key=lambda path: str(documents[path]["at"]), reverse=True):
        workloads = {row["workload"] for row in documents[path]["summary"]}
        if workloads - shown:
            results.append(path)
            shown |= workloads
    return results[::-1]


def section(document: Mapping[str, Any], file_name: str) -> str:
    """Return the section's Markdown: what it was measured on, the table, and what was disturbed."""
    machine, versions = document["machine"], document["versions"]
    peers = [f"{peer} {versions[peer][peer]}" for peer in document["peers"] if peer in versions.get(peer, {})]
    software = [
        f"PostgreSQL {versions['postgresql']} (fsync and synchronous_commit on)",
        f"Redis {versions['redis']}",
        f"Python {versions['python']}",
        *peers,
    ]
    lines = [
        f"Medians of {counted(document['rounds'], 'round')} on {document['at'][:10]}, commit `{document['commit']}`."
        " In a round each system takes its turn, back to back, on the same servers, with two worker processes.",
        f"Machine: {machine['processors']} x {machine['processor']}, {machine['memory_gb']:.0f} GB,"
        f" {machine['system']}, {machine['file_system']}. {', '.join(software)}.",
        "",
        table(document),
        "",
        f"All samples: [`bench/results/{file_name}`](bench/results/{file_name}). Again: `{document['command']}`.",
    ]
    noise = disturbed(document)
    if noise:
        lines += ["", f"Other work used the machine during: {'; '.join(noise)}."]
    return "\n".join(lines)


def replace_section(readme: str, text: str) -> str:
    """Return the README with the text between the markers replaced. Raises ``ValueError`` if a marker is missing."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md lacks {BEGIN!r} … {END!r}")
    return f"{before}{BEGIN}\n\n{text}\n\n{END}{after}"


if __name__ == "__main__":
    sys.exit(main())
