"""A worker process, as ``workflowkit worker bench.ours.app:wk`` starts it."""

import sys

from bench.ours.app import wk

if __name__ == "__main__":
    sys.exit(wk.work())
