"""Two people with mailboxes on one host, signed in, for tests of the web client's pages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.test import Client

from hosting.models import Account, Grant, Identity, Tenant
from mta.mailstore import service as mailstore
from mta.values import INBOX, SENT, Cause
from tests.mail import mail

CAUSE = Cause("import", "test")
Response = Any  # Django's test client adds attributes that its types do not know


@dataclass
class Reader:
    """Somebody with a mailbox and a browser; the mail arrives through the store's own door."""

    account: Account
    client: Client = field(default_factory=Client)

    @property
    def space(self) -> int:
        assert self.account.mailspace is not None
        return self.account.mailspace

    def role(self, role: str) -> int:
        return mailstore.mailbox_by_role(self.space, role).id

    def receive(self, *, flags: int = 0, role: str = INBOX, raw: bytes | None = None, **message: Any) -> int:
        """A message, given as `tests.mail.mail` takes it; gives its conversation."""
        data = raw if raw is not None else mail(**message)
        return mailstore.append(self.space, self.role(role), data, flags=flags, cause=CAUSE).thread

    def sent(self, **message: Any) -> int:
        return self.receive(role=SENT, flags=1, sender=f"Ann <{self.account.username}>", **message)

    def get(self, address: str, **headers: str) -> Response:
        return self.client.get(address, **headers)

    def page(self, address: str) -> str:
        response = self.get(address)
        assert response.status_code == 200, (address, response.status_code)
        return str(response.content.decode())

    def do(self, verb: str, ids: list[int] | None = None, **fields: str) -> dict[str, Any]:
        """What the client's script posts, and the answer it gets."""
        data = {"box": "inbox", "ids": [str(each) for each in ids or []]} | fields
        response = self.client.post(f"/mail/actions/{verb}/", data, headers={"X-Mailstead": "1"})
        said: dict[str, Any] = json.loads(response.content)
        return said | {"status": response.status_code}


def reader(tenant: Tenant, username: str, name: str) -> Reader:
    space = mailstore.create_mailspace()
    account = Account.objects.create(username=username, tenant=tenant, full_name=name, mailspace=space)
    Grant.objects.create(account=account, mailspace=space, right=Grant.OWN)
    Identity.objects.create(mailspace=space, address=username, name=name, is_default=True)
    made = Reader(account)
    made.client.force_login(account, backend=settings.AUTHENTICATION_BACKENDS[0])
    return made
