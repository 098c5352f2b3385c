"""Whole installations for the journeys: two hosts that find each other through a DNS of the tests, and a demo.

Each is started once, by the first journey that asks for it; the journeys of one file run in one process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mta.sandbox import visitors
from tests.dns_server import serving
from tests.eventually import eventually
from tests.journeys.screen import Screen
from tests.product import Product

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PASSWORD = "right horse battery"
DEMO_PASSWORD = "mailstead-demo"


@dataclass(frozen=True)
class TwoHosts:
    """ann@a.test and ada@a.test at `a`, bob@b.test and bea@b.test at `b`, and the DNS that both ask."""

    a: Product
    b: Product
    zone: dict[str, dict[str, list[str]]]


@pytest.fixture(scope="session")
def two_hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TwoHosts]:
    folder = tmp_path_factory.mktemp("hosts")
    zone = {
        "a.test": {"MX": ["10 mail.a.test."]},
        "mail.a.test": {"A": ["127.0.0.1"]},
        "b.test": {"MX": ["20 gone.b.test.", "10 mail.b.test."]},
        "mail.b.test": {"A": ["127.0.0.1"]},
    }
    with ExitStack() as stack:
        dns = stack.enter_context(serving(zone))
        a = Product(folder / "a", "mail.a.test", dns_servers=dns.address)
        b = Product(folder / "b", "mail.b.test", dns_servers=dns.address)
        # To each, port 25 of the world is where the other one listens.
        a.env["RELAY_PORT"], b.env["RELAY_PORT"] = str(b.port("smtp")), str(a.port("smtp"))
        pool = stack.enter_context(ThreadPoolExecutor(2))
        stack.callback(lambda: list(pool.map(Product.stop, (a, b))))  # both, even if only one came up
        list(pool.map(_start_and_fill, (a, b), ("a.test", "b.test"), (("ann", "ada"), ("bob", "bea"))))
        yield TwoHosts(a, b, zone)


def _start_and_fill(product: Product, domain: str, people: tuple[str, ...]) -> None:
    product.start()
    product.add_domain(domain)
    for name in people:
        product.add_account(f"{name}@{domain}", PASSWORD)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """`up --demo`, with its sandbox internet."""
    with Product(tmp_path_factory.mktemp("demo") / "data", "mail.example.test", demo=True) as running:
        sandbox = running.data_dir / "sandbox"
        eventually(lambda: visitors.due(sandbox) == (), "the demonstration's visitors have come")
        yield running


@pytest.fixture(autouse=True)
def stores_add_up(request: pytest.FixtureRequest) -> Iterator[None]:
    """After every journey, the doctor recounts the stores of the hosts that it went through."""
    yield
    used = list(request.node.funcargs.values())
    hosts = {host for both in used if isinstance(both, TwoHosts) for host in (both.a, both.b)}
    hosts |= {one for one in used if isinstance(one, Product)}
    with ThreadPoolExecutor(2) as pool:
        for said in pool.map(lambda host: host.ask("doctor", "--store"), filter(Product.is_running, hosts)):
            assert "as it should be" in said


@pytest.fixture
def screen(browser: Browser) -> Iterator[Callable[..., Screen]]:
    """Open windows: `screen(product)`; they are closed at the end, and must not have logged an error."""
    opened: list[Screen] = []

    def open_one(product: Product, **options: object) -> Screen:
        opened.append(Screen(browser, product, **options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()
    for one in opened:
        assert one.errors == [], one.product.logs()
