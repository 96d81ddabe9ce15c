"""What mypy says of a sample, as it would of a user's own code."""

import re
import subprocess
import sys
from pathlib import Path

#: What a line of a sample ends with that is to be refused.
WRONG = "# wrong"


def mypy(sample: Path, text: str) -> str:
    """Write a sample to a file, and return what mypy says of it."""
    sample.write_text(text)
    command = [sys.executable, "-m", "mypy", "--strict", "--hide-error-context", "--no-pretty", str(sample)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1]).stdout


def errors_by_line(output: str, text: str) -> dict[str, str]:
    """Return the errors in what mypy says, the messages of each line of the sample together."""
    lines, found = text.splitlines(), dict[str, str]()
    for number, message in re.findall(r":(\d+): error: (.*)", output):
        line = lines[int(number) - 1].strip()
        found[line] = f"{found.get(line, '')}{message}\n"
    return found


def wrong_lines(text: str) -> set[str]:
    """Return the lines of a sample that are to be refused."""
    return {line.strip() for line in text.splitlines() if line.endswith(WRONG)}
