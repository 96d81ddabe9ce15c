"""``python -m workflowkit``: the command line."""

from workflowkit.cli import main

if __name__ == "__main__":
    main()
