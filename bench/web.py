"""The inbox page as the server sends it: `python -m bench.web [--messages 10000] [--runs 3]`.

A whole installation in a temporary folder; DATABASE_URL and REDIS_URL choose what is measured, as for the product.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlencode

from tests.product import Product

BASE = Path(__file__).resolve().parent.parent
READER = "reader@bench.test"
PASSWORD = "bench words 42"  # noqa: S105 - of an account that lives for a minute


class Web:
    """One signed-in web session with a kept connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._cookies: dict[str, str] = {}

    def get(self, path: str, headers: dict[str, str] | None = None) -> bytes:
        """The body of a page; redirects are followed."""
        return self._request("GET", path, None, headers)

    def sign_in(self, user: str, password: str) -> None:
        page = self.get("/").decode()
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        token = found[1] if found else self._cookies.get("csrftoken", "")
        form = {"username": user, "password": password, "csrfmiddlewaretoken": token}
        self._request("POST", "/", urlencode(form))

    def _request(self, method: str, path: str, body: str | None, more: dict[str, str] | None = None) -> bytes:
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Cookie": cookies} | (more or {})
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self._cookies[key] = rest.split(";")[0]
        if answer.status in (301, 302, 303):
            return self._request("GET", answer.headers["Location"], None)
        if answer.status != 200:
            raise AssertionError(f"{path}: {answer.status}")
        return content


def inbox(product: Product) -> float:
    """Seconds for the inbox page, in the median of twenty."""
    session = Web(product.port("web"))
    session.sign_in(READER, PASSWORD)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        page = session.get("/mail/inbox/")
        times.append(time.perf_counter() - start)
        if (rows := page.count(b'data-test="row"')) < 25:
            raise AssertionError(f"the inbox shows {rows} rows")
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailstead-bench-") as folder:
        product = Product(Path(folder) / "data", "bench.test")
        with product:
            product.add_domain("bench.test")
            product.add_account(READER, PASSWORD)
            command = [sys.executable, "-m", "bench.fill", READER, str(options.messages)]
            subprocess.run(command, cwd=BASE, env=os.environ | product.env, check=True)
            runs = [round(inbox(product) * 1000, 1) for _ in range(options.runs)]
    figures = {
        "case": f"inbox page, {options.messages} messages",
        "ms": statistics.median(runs),
        "runs": runs,
    }
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
