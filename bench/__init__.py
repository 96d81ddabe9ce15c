"""Benchmarks: this engine beside its peers, measured in the same interleaved run on the same servers.

``./wk bench`` (or ``python -m bench``) starts a private PostgreSQL and Redis with production durability, makes the
peers' virtual environments, runs the workloads and writes ``bench/results/``. Linux only: CPU is read from ``/proc``.
"""
