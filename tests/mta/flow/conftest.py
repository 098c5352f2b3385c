"""Two mailboxes here, a directory that knows them, and short words for what these tests do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from mta import directory
from mta.directory import Access, Login, SigningKey
from mta.flow import submit
from mta.mailstore import service as mailstore
from mta.mailstore.service import ConversationMessage, DraftFields
from mta.values import Cause
from tests.fake_directory import FakeDirectory

CAUSE = Cause("web", "a test", "ann@a.test")


@dataclass
class Office:
    """Ann and Ben at a.test; `directory` may be changed by a test."""

    ann: int
    ben: int
    directory: FakeDirectory

    @property
    def login(self) -> Login:
        return Login(1, "ann@a.test", (Access(self.ann, "ann@a.test", "own"),))

    def draft(self, *to: str, header_id: str = "draft1@a.test", **fields: object) -> int:
        values = {
            "identity": "ann@a.test",
            "from_name": "Ann",
            "to": tuple(("", address) for address in to),
            "subject": "Lunch",
            "text": "At noon?",
        } | fields
        made = mailstore.new_draft(
            self.ann,
            DraftFields(**values),
            header_id=header_id,
            cause=CAUSE,  # type: ignore[arg-type]
        )
        return made.id

    def send(self, *to: str, undo_seconds: int = 0, **fields: Any) -> submit.Submitted:
        draft = self.draft(*to, **fields)
        return submit.submit_draft(self.ann, 1, draft, cause=CAUSE, undo_seconds=undo_seconds)

    def box(self, mailspace: int, role: str) -> list[ConversationMessage]:
        """What lies in a mailbox, oldest first."""
        info = mailstore.mailbox_by_role(mailspace, role)
        rows = mailstore.changes(mailspace, info.id).rows
        return [mailstore.message(mailspace, row.message) for row in rows]

    def raw(self, mailspace: int, role: str) -> bytes:
        (only,) = self.box(mailspace, role)
        return mailstore.raw(mailspace, only.id)


@pytest.fixture(scope="session")
def signing_key() -> SigningKey:
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return SigningKey("a.test", "s1", pem)


@pytest.fixture
def office(db: None, signing_key: SigningKey) -> Iterator[Office]:
    ann, ben = mailstore.create_mailspace(), mailstore.create_mailspace()
    known = FakeDirectory(
        {
            "ann@a.test": ann,
            "ben@a.test": ben,
            "both@a.test": ["ann@a.test", "ben@a.test"],
            "away@a.test": ["ben@a.test", "away@outside.test"],
            "shut@a.test": None,
        },
        keys=[signing_key],
    )
    with directory.use(known):
        yield Office(ann, ben, known)
