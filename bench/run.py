"""`make bench`: start an installation, load it, print one JSON line per case and a table.

    python -m bench.run [--only smtp,imap,web] [--runs 3] [--messages 10000]

Figures are medians of the runs, on this machine, client and server together; compare only figures
of one run. DATABASE_URL and REDIS_URL choose what is measured, as for the product itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.clients import Imap, Web, send_all
from tests.product import Product
from webmail.demo.corpus import plain

PASSWORD = "bench words 42"  # noqa: S105 - of accounts that live for a minute
USERS = [f"u{number}@bench.test" for number in range(20)]
READER = "reader@bench.test"
BASE = Path(__file__).resolve().parent.parent


def smtp(product: Product, options: argparse.Namespace) -> dict[str, Any]:
    """Durable inbound messages a second over 20 connections; every one must be in its mailbox."""
    message = next(iter(plain(1, seed=9)))[:2048].rstrip() + b"\r\n"
    each = options.smtp_messages // 20
    port = product.port("smtp")

    async def load() -> None:
        work = [
            send_all(port, "sender@outside.test", USERS[n:] + USERS[:n], message, each) for n in range(20)
        ]
        await asyncio.gather(*work)

    before = _delivered(product)
    start = time.perf_counter()
    asyncio.run(load())
    seconds = time.perf_counter() - start
    arrived = _delivered(product) - before
    if arrived != each * 20:
        raise AssertionError(f"sent {each * 20}, found {arrived}")
    return {
        "case": "smtp: 20 connections, 2 KB, durable",
        "value": round(each * 20 / seconds),
        "unit": "messages/s",
    }


def _delivered(product: Product) -> int:
    total = 0
    for user in USERS:
        client = Imap(product.port("imap"), user, PASSWORD)
        status = client.command("STATUS INBOX (MESSAGES)")[0]
        total += int(status.split(b"MESSAGES ")[1].split(b")")[0])
        client.close()
    return total


def imap(product: Product, options: argparse.Namespace) -> dict[str, Any]:
    """FETCH 1:* (FLAGS ENVELOPE) of the whole mailbox."""
    client = Imap(product.port("imap"), READER, PASSWORD)
    client.command("SELECT INBOX")
    start = time.perf_counter()
    lines = client.command("FETCH 1:* (FLAGS ENVELOPE)")
    seconds = time.perf_counter() - start
    client.close()
    found = sum(b"ENVELOPE" in line for line in lines)
    if found != options.messages:
        raise AssertionError(f"expected {options.messages} envelopes, got {found}")
    return {
        "case": f"imap: FETCH 1:* (FLAGS ENVELOPE), {options.messages} messages",
        "value": round(seconds * 1000),
        "unit": "ms",
    }


def web(product: Product, options: argparse.Namespace) -> dict[str, Any]:
    """The inbox page as the server sends it."""
    session = Web(product.port("web"))
    session.sign_in(READER, PASSWORD)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        page = session.get("/mail/inbox/")
        times.append(time.perf_counter() - start)
    rows = page.count(b'data-test="row"')
    if rows < 25:
        raise AssertionError(f"the inbox shows {rows} rows")
    return {
        "case": f"web: inbox page, {options.messages} messages",
        "value": round(statistics.median(times) * 1000, 1),
        "unit": "ms",
    }


CASES: dict[str, Callable[[Product, argparse.Namespace], dict[str, Any]]] = {
    "smtp": smtp,
    "imap": imap,
    "web": web,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(CASES))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--messages", type=int, default=10_000, help="size of the mailbox that is read")
    parser.add_argument("--smtp-messages", type=int, default=4_000, help="messages of one delivery run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailstead-bench-") as folder:
        product = Product(Path(folder) / "data", "bench.test")
        product.start()
        try:
            _prepare(product, options)
            results = [_measure(product, name, options) for name in options.only.split(",")]
        finally:
            product.stop()
    for result in results:
        sys.stdout.write(json.dumps(result) + "\n")


def _prepare(product: Product, options: argparse.Namespace) -> None:
    product.add_domain("bench.test")
    for user in [*USERS, READER]:
        product.add_account(user, PASSWORD)
    command = [sys.executable, "-m", "bench.fill", READER, str(options.messages)]
    subprocess.run(command, cwd=BASE, env=os.environ | product.env, check=True)


def _measure(product: Product, name: str, options: argparse.Namespace) -> dict[str, Any]:
    runs = [CASES[name](product, options) for _ in range(options.runs)]
    values = [run["value"] for run in runs]
    database = "PostgreSQL" if "postgres" in product.env.get("DATABASE_URL", "") else "SQLite"
    return runs[0] | {"value": statistics.median(values), "runs": values, "database": database}


if __name__ == "__main__":
    main()
