"""Start the benchmarks as a file: ``.venv/bin/python bench/run.py --quick``. The same as ``python -m bench``."""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    # Replaces bench/ itself as the first place to import from: its module names are too general to be top-level.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    runpy.run_module("bench", run_name="__main__", alter_sys=True)
