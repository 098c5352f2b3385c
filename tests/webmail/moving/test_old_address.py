"""Writing as an address elsewhere: not before it is proven, and then through its own server with its password."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from hosting.models import Domain
from mta import directory, resolver
from mta.flow import submit
from mta.flow.errors import NotYours
from mta.message.address import Address
from mta.message.build import Outgoing
from mta.queue import service as queue
from mta.queue.values import DEFERRED, DELIVERED
from mta.relay import run as relay
from mta.serve.main import server_context
from mta.values import Cause
from tests.fake_resolver import FakeResolver
from tests.ports import reserved
from tests.webmail.mail_world import Reader, reader
from webmail.moving.models import OutsideAddress
from webmail.tls import make_self_signed

OLD, HOST, SECRET = "ann@old.test", "smtp.old.test", "app password 9"


@dataclass
class OldHost:
    """An SMTP server that takes mail of who knows the password."""

    port: int = 0
    password: str = SECRET
    taken: list[tuple[str, list[str], bytes]] = field(default_factory=list)

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        assert session.authenticated
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, bytes(envelope.content)))
        return "250 2.0.0 taken"

    def lets_in(
        self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, said: LoginPassword
    ) -> AuthResult:
        return AuthResult(success=said.password.decode() == self.password, handled=False)


@pytest.fixture
def smtp(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch, mover: Reader) -> Iterator[OldHost]:
    make_self_signed(tmp_path / "cert.pem", tmp_path / "key.pem", hostname=HOST)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    settings.RELAY_ALLOW_PRIVATE = True
    context = server_context(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    made = OldHost()
    controller = Controller(
        made,
        hostname="127.0.0.1",
        port=reserved(),
        ssl_context=context,
        authenticator=made.lets_in,
        auth_required=True,
        auth_require_tls=False,
    )
    assert isinstance(context, ssl.SSLContext)
    controller.start()
    made.port = controller.port
    with resolver.use(FakeResolver({HOST: {"A": ["127.0.0.1"]}})):
        yield made
    controller.stop()


def add(who: Reader, smtp: OldHost, password: str = SECRET, **more: str) -> Any:
    said = {
        "address": OLD,
        "password": password,
        "host": HOST,
        "port": str(smtp.port),
        "tls": "tls",
        "name": "Ann W",
    }
    return who.client.post("/mail/settings/outside/", said | more)


def code_of_the_mail() -> str:
    """Out of the message that waits to be sent."""
    (claimed,) = queue.claim(limit=10)
    assert claimed.address == OLD
    raw = queue.raw(claimed.outgoing)
    assert b"From: Mailstead <postmaster@" in raw
    match = re.search(rb"\b(\d{4}) (\d{4})\b", raw)
    assert match
    return (match[1] + match[2]).decode()


def prove(who: Reader, smtp: OldHost) -> OutsideAddress:
    assert add(who, smtp).status_code == 302
    row = OutsideAddress.objects.get(account=who.account)
    code = code_of_the_mail()
    who.client.post(f"/mail/settings/outside/{row.pk}/", {"do": "confirm", "code": f"{code[:4]} {code[4:]}"})
    row.refresh_from_db()
    return row


def write(who: Reader, sender: str, to: str) -> submit.Submitted:
    """As the web client sends, without the seconds to think again."""
    local, domain = to.split("@")
    return submit.submit_letter(
        who.space,
        who.account.pk,
        Outgoing(
            from_=Address("Ann W", *sender.split("@")),
            to=(Address("", local, domain),),
            subject="Hello",
            text="Hi",
            message_id="<one@here.test>",
            date=datetime.now(UTC),
        ),
        cause=Cause("web", "test", who.account.username),
    )


def test_an_address_is_used_only_when_its_code_has_come_back(mover: Reader, smtp: OldHost) -> None:
    assert "does not take this name and password" in add(mover, smtp, "wrong").content.decode()
    assert not OutsideAddress.objects.exists()
    assert add(mover, smtp).status_code == 302
    assert not smtp.taken, "the code never passes the server that somebody named"
    row = OutsideAddress.objects.get()
    assert SECRET.encode() not in bytes(row.sealed_password)
    assert not directory.current().may_send_as(mover.account.pk, OLD)
    code = code_of_the_mail()
    for guess in ("00000000", "", "12345678"):
        mover.client.post(f"/mail/settings/outside/{row.pk}/", {"do": "confirm", "code": guess})
        assert not directory.current().may_send_as(mover.account.pk, OLD)
    mover.client.post(f"/mail/settings/outside/{row.pk}/", {"do": "confirm", "code": code})
    assert directory.current().may_send_as(mover.account.pk, OLD)
    assert directory.current().identity_name(mover.account.pk, OLD) == "Ann W"
    page = mover.page("/mail/settings/accounts/")
    assert OLD in page
    assert SECRET not in page + mover.page("/mail/settings/outside/")


def test_guessing_a_code_ends(mover: Reader, smtp: OldHost) -> None:
    add(mover, smtp)
    row = OutsideAddress.objects.get()
    code = code_of_the_mail()
    for guess in range(8):
        mover.client.post(f"/mail/settings/outside/{row.pk}/", {"do": "confirm", "code": f"{guess:08d}"})
    mover.client.post(f"/mail/settings/outside/{row.pk}/", {"do": "confirm", "code": code})
    assert not directory.current().may_send_as(mover.account.pk, OLD)


def test_what_is_written_as_it_leaves_through_its_server(mover: Reader, smtp: OldHost) -> None:
    prove(mover, smtp)
    sent = write(mover, OLD, "ben@elsewhere.test")
    assert f'"{OLD}"' in mover.page("/mail/compose/?mode=new") or OLD in mover.page("/mail/compose/?mode=new")
    relay.run()
    assert [each.state for each in queue.recipients(sent.outgoing)] == [DELIVERED], queue.recipients(
        sent.outgoing
    )
    ((sender, to, raw),) = smtp.taken
    assert (sender, to) == (OLD, ["ben@elsewhere.test"])
    assert b"From: Ann W <ann@old.test>" in raw
    assert b"\r\nSubject: Hello\r\n" in raw


def test_nobody_else_writes_as_it(mover: Reader, smtp: OldHost) -> None:
    prove(mover, smtp)
    eve = reader(mover.account.tenant, "eve@example.test", "Eve Moss")
    assert not directory.current().may_send_as(eve.account.pk, OLD)
    assert directory.current().smart_host_for(OLD, eve.space) is None
    with pytest.raises(NotYours):
        write(eve, OLD, "ben@elsewhere.test")


def test_a_server_that_no_longer_takes_the_password_keeps_the_message_waiting(
    mover: Reader, smtp: OldHost
) -> None:
    prove(mover, smtp)
    smtp.password = "another"
    sent = write(mover, OLD, "ben@elsewhere.test")
    relay.run()
    assert not smtp.taken
    (state,) = queue.recipients(sent.outgoing)
    assert state.state == DEFERRED
    assert "does not take its password" in state.said


def test_addresses_of_this_host_and_hosts_within_are_refused(
    mover: Reader, smtp: OldHost, settings: Any
) -> None:
    settings.RELAY_ALLOW_PRIVATE = settings.ALLOW_PRIVATE_NETWORKS = False
    assert "no server that this host connects to" in add(mover, smtp, port="465").content.decode()
    assert "is not one of a mail server" in add(mover, smtp, port="6379").content.decode()
    assert not OutsideAddress.objects.exists()


def test_a_domain_that_comes_to_this_host_says_itself_who_writes_as_its_addresses(
    mover: Reader, smtp: OldHost
) -> None:
    prove(mover, smtp)
    Domain.objects.create(tenant=mover.account.tenant, name="old.test")
    assert not directory.current().may_send_as(mover.account.pk, OLD)
    assert directory.current().identity_name(mover.account.pk, OLD) == ""
    assert directory.current().smart_host_for(OLD, mover.space) is None
    assert f'value="{OLD}"' not in mover.page("/mail/compose/?mode=new")
    with pytest.raises(NotYours):
        write(mover, OLD, "ben@elsewhere.test")
