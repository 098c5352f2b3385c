"""`make bench`: this server against Postfix and Dovecot, in alternating rounds, with the bars it has to reach.

    python -m bench.run [--peers] [--only NAME,…] [--runs 3] [--databases sqlite,postgresql]
                        [--sizes 10000,100000,1000000] [--cache FOLDER] [--out FOLDER]

Servers listen on loopback ports, in folders of their own, and are gone when this ends. Data folders are filled
once and kept in the cache. A case runs on each server in turn, `--runs` times; the figure is the median. Before
each round it waits until the machine is quiet, or notes how busy it was. The method: docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import machine, plan, report, sets
from bench.cases import Case
from bench.house import House
from bench.imap import Refused
from bench.ours import Ours
from bench.servers import Server
from bench.spying import Spy

BASE = Path(__file__).resolve().parent.parent


def main() -> None:
    options = _options()
    chosen = _chosen(options)
    house = House(options.cache, databases=options.databases.split(","), peers=options.peers)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # ends by the same way as Ctrl-C: nothing is left
    results: list[dict[str, Any]] = []
    began = datetime.now(tz=UTC)
    with ExitStack() as stack:
        stack.callback(house.close)
        if options.fill:
            house.fill(dict.fromkeys(case.set for case in chosen))
            return
        for key in dict.fromkeys((case.set, case.processes, case.checks) for case in chosen):
            servers = house.open(*key)
            for case in chosen:
                if (case.set, case.processes, case.checks) == key:
                    results.append(_measure(case, servers, options))
                    _say(report.line(results[-1]))
    record = {
        "began": began.isoformat(timespec="seconds"),
        "took_s": round((datetime.now(tz=UTC) - began).total_seconds()),
        "machine": machine.describe(),
        "versions": house.versions(),
        "results": results,
    }
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "results.json").write_text(json.dumps(record, indent=1) + "\n")
    table = report.table(record)
    (options.out / "results.md").write_text(table)
    _say(table)
    report.draw(record, options.out)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peers", action="store_true", help="Postfix and Dovecot too; installs them as root")
    parser.add_argument("--only", default="", help="cases, by name or by how their name begins")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--databases", default="sqlite,postgresql")
    parser.add_argument(
        "--sizes", default="10000,100000", help="mailboxes of the growth cases; 1000000 takes minutes to fill"
    )
    parser.add_argument(
        "--cache", type=Path, default=BASE / "var" / "bench", help="where filled folders are kept"
    )
    parser.add_argument("--out", type=Path, default=None, help="where results go (the cache)")
    parser.add_argument("--quiet", type=float, default=0.25, help="begin when less of the machine is busy")
    parser.add_argument("--patience", type=float, default=30, help="seconds to wait for that")
    parser.add_argument("--profile", action="store_true", help="py-spy's samples of each case, into files")
    parser.add_argument("--fill", action="store_true", help="only fill the folders that the cases need")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    options = parser.parse_args()
    options.cache = options.cache.resolve()
    options.out = options.out or options.cache
    return options


def _chosen(options: argparse.Namespace) -> list[Case]:
    sizes = [int(size) for size in options.sizes.split(",")]
    wanted = [name for name in options.only.split(",") if name]
    found = [
        case
        for case in plan.cases_for(sizes)
        if not wanted or any(case.name.startswith(name) for name in wanted)
    ]
    if options.list or not found:
        _say("\n".join(f"{case.name:28} {case.title}" for case in found or plan.cases_for(list(sets.GROWTH))))
        raise SystemExit(0 if options.list else 2)
    return found


def _measure(case: Case, servers: list[Server], options: argparse.Namespace) -> dict[str, Any]:
    """A case on every server in turn, some times over."""
    runs: dict[str, list[dict[str, float]]] = {}
    wrong: dict[str, str] = {}
    busy = []
    for _ in range(1 if case.once else options.runs):
        for server in servers:
            if (server.label == "postfix+dovecot" and not case.peers) or server.label in wrong:
                continue
            busy.append(machine.wait_for_quiet(options.quiet, longest=options.patience))
            if not machine.answers(
                server.ports["imap"]
            ):  # somebody ended it; the cases after this one can be had
                server.stop()
                server.start()
            cpu = machine.cpu_seconds(server.pids())
            start = time.perf_counter()
            try:
                with _watched(case, server, options):
                    figures = case.measure(server)
            except (Refused, OSError, StopIteration) as error:
                wrong[server.label] = f"{type(error).__name__}: {error}"
                continue
            figures["cpu_s"] = machine.cpu_seconds(server.pids()) - cpu
            figures["took_s"] = time.perf_counter() - start
            runs.setdefault(server.label, []).append(figures)
    return {
        "case": case.name,
        "title": case.title,
        "bars": [vars(bar) for bar in case.bars],
        "median": {
            label: {name: round(statistics.median(one[name] for one in found), 4) for name in found[0]}
            for label, found in runs.items()
        },
        "runs": {
            label: [{k: round(v, 4) for k, v in one.items()} for one in found]
            for label, found in runs.items()
        },
        "wrong": wrong,
        "busy_before": busy,
    }


@contextmanager
def _watched(case: Case, server: Server, options: argparse.Namespace) -> Iterator[None]:
    """With --profile: what our sidecar did meanwhile, into a file."""
    if not options.profile or not isinstance(server, Ours):
        yield
        return
    with Spy(server.pid) as spy:
        yield
    options.out.mkdir(parents=True, exist_ok=True)
    name = f"profile-{case.name}-{server.label.partition('/')[2]}.txt"
    (options.out / name).write_text(spy.text + "\n")


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
