"""The command line: choose workloads and peers, run the rounds, print the table, write the result."""

from __future__ import annotations

import argparse
import platform
import signal
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from bench import machine, report
from bench.ours.peer import OursPeer
from bench.peers.base import Peer
from bench.peers.celery_peer import CeleryPeer
from bench.peers.dbos_peer import DbosPeer, DbosQueuePeer, DbosSinglePeer
from bench.processes import REPOSITORY
from bench.servers import Servers, running_servers
from bench.venvs import versions_of
from bench.workloads import FULL, QUICK, WORKLOADS, Sizes

PEERS: dict[str, type[Peer]] = {
    peer.name: peer for peer in (OursPeer, CeleryPeer, DbosPeer, DbosQueuePeer, DbosSinglePeer)
}
_DEFAULT_PEERS = "ours,celery,dbos"
_FULL_ROUNDS, _QUICK_ROUNDS = 5, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks; return 0 even if a bar is missed: a figure is a result, not an error."""
    options = _parse(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything started is also stopped then
    sizes = QUICK if options.quick else FULL
    rounds = options.rounds or (_QUICK_ROUNDS if options.quick else _FULL_ROUNDS)
    with running_servers() as servers:
        peers = [PEERS[name](servers) for name in options.peers]
        about = _about(options, rounds, servers, peers)
        samples = list(_measure(peers, options.workloads, sizes, rounds))
    document = report.build_document(samples, about)
    path = report.write_document(document, REPOSITORY / "bench" / "results")
    _print(document)
    print(f"\nwritten: {path.relative_to(REPOSITORY)}")
    return 0


def _measure(peers: list[Peer], workloads: list[str], sizes: Sizes, rounds: int) -> Iterator[report.Sample]:
    """Run each workload's rounds; in a round every peer takes its turn back to back, and the order rotates."""
    for workload in workloads:
        taking_part = [peer for peer in peers if workload in peer.workloads]
        for round_number in range(rounds):
            first = round_number % max(1, len(taking_part))
            for peer in taking_part[first:] + taking_part[:first]:
                print(f"{workload} round {round_number + 1}/{rounds}: {peer.name}", file=sys.stderr, flush=True)
                try:
                    for case, figures in WORKLOADS[workload](peer, sizes, round_number):
                        yield report.Sample(workload, case, peer.name, round_number, figures)
                except RuntimeError as error:
                    # One system that gives up under a load must not cost the figures of the others.
                    print(f"  {peer.name} failed: {str(error).strip().splitlines()[-1]}", file=sys.stderr, flush=True)
                finally:
                    peer.stop()


def _about(options: argparse.Namespace, rounds: int, servers: Servers, peers: list[Peer]) -> dict[str, Any]:
    commit, is_dirty = machine.commit()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit,
        "is_dirty": is_dirty,
        "command": " ".join(["./wk", "bench", *sys.argv[1:]]),
        "quick": options.quick,
        "rounds": rounds,
        "peers": options.peers,
        "machine": machine.describe_machine(servers),
        "versions": {
            "python": platform.python_version(),
            **servers.versions,
            **{peer.name: versions_of(peer.python, peer.packages) for peer in peers},
        },
    }


def _print(document: dict[str, Any]) -> None:
    print(report.table(document), report.cpu_table(document), sep="\n\n")
    print()
    for bar in document["bars"]:
        verdict = "met" if bar["is_met"] else "MISSED"
        place = f"{bar['workload']} {bar['case']}, {bar['metric']} against {bar['peer']}"
        print(f"{verdict:6} {place}: {bar['reached']:.2f}x, wanted {bar['wanted']:.1f}x")
    for line in report.disturbed(document):
        print(f"disturbed by other work: {line}")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./wk bench", description="Measure this engine beside its peers.")
    parser.add_argument("--quick", action="store_true", help="small sizes, one round: proves that it runs")
    parser.add_argument("--rounds", type=int, help=f"how often each peer takes its turn (default {_FULL_ROUNDS})")
    parser.add_argument("--workloads", type=_names(WORKLOADS), default=list(WORKLOADS), help=",".join(WORKLOADS))
    parser.add_argument("--peers", type=_names(PEERS), default=_DEFAULT_PEERS.split(","), help=",".join(PEERS))
    return parser.parse_args(arguments)


def _names(known: Any) -> Any:
    def parse(text: str) -> list[str]:
        names = text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
        return names

    return parse


if __name__ == "__main__":
    sys.exit(main())
