"""Delivery and submission, with swaks."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.clients.conftest import Person
from tests.product import Product

Program = Callable[..., subprocess.CompletedProcess[str]]

# swaks tells by its exit code which step was refused
RECIPIENT_REFUSED, SIGN_IN_REFUSED, SENDER_REFUSED = 24, 28, 23


@pytest.fixture
def swaks(program: Program) -> Program:
    return lambda *arguments, **more: program("swaks", "--server", "127.0.0.1", *arguments, **more)


def test_mail_from_a_stranger_over_tls_arrives(swaks: Program, person: Person, product: Product) -> None:
    port = str(product.port("smtp"))
    swaks(
        "--port", port, "--tls", "--from", "ada@outside.test", "--to", person.address, "--body", "Hello there"
    )
    (raw,) = person.messages()
    assert b"Hello there" in raw
    assert b"with ESMTPS id" in raw


def test_relaying_for_a_stranger_is_refused(swaks: Program, product: Product) -> None:
    addresses = ("--from", "ada@outside.test", "--to", "bob@elsewhere.test")
    said = swaks("--port", str(product.port("smtp")), *addresses, code=RECIPIENT_REFUSED)
    assert "550 5.7.1" in said.stdout


def test_an_unknown_recipient_is_refused(swaks: Program, product: Product, person: Person) -> None:
    addresses = ("--from", "ada@outside.test", "--to", "nobody@clients.test")
    said = swaks("--port", str(product.port("smtp")), *addresses, code=RECIPIENT_REFUSED)
    assert "550 5.1.1" in said.stdout


@pytest.mark.parametrize(
    ("service", "tls", "mechanism"),
    [("submission", "--tls", "PLAIN"), ("submission", "--tls", "LOGIN"), ("submissions", "--tlsc", "PLAIN")],
)
def test_who_signs_in_may_send(
    swaks: Program, person: Person, friend: Person, service: str, tls: str, mechanism: str
) -> None:
    signing = ("--auth", mechanism, "--auth-user", person.address, "--auth-password", person.password)
    addresses = ("--from", person.address, "--to", friend.address)
    swaks("--port", str(person.port(service)), tls, *signing, *addresses, "--h-Subject", "Signed in")
    (raw,) = friend.messages()
    assert b"Subject: Signed in" in raw
    assert b"with ESMTPSA id" in raw


def test_a_wrong_password_may_not(swaks: Program, person: Person) -> None:
    signing = ("--auth", "PLAIN", "--auth-user", person.address, "--auth-password", "wrong")
    addresses = ("--from", person.address, "--to", person.address)
    port = str(person.port("submission"))
    said = swaks("--port", port, "--tls", *signing, *addresses, code=SIGN_IN_REFUSED)
    assert "535 5.7.8" in said.stdout


def test_nobody_may_send_as_somebody_else(swaks: Program, person: Person, friend: Person) -> None:
    signing = ("--auth", "PLAIN", "--auth-user", person.address, "--auth-password", person.password)
    addresses = ("--from", friend.address, "--to", friend.address)
    port = str(person.port("submission"))
    said = swaks("--port", port, "--tls", *signing, *addresses, code=SENDER_REFUSED)
    assert "553 5.7.1" in said.stdout
