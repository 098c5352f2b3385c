"""A mailspace, and short words for what the store's tests do again and again."""

from __future__ import annotations

import pytest

from mta.mailstore import errors as mailstore_errors
from mta.mailstore import service as mailstore
from mta.values import Cause, MailboxInfo
from tests.mail import mail

WEB = Cause("web", "a test", "ann@example.test")


class Space:
    """One mailspace and its mailboxes by role or name."""

    def __init__(self, id_: int) -> None:
        self.id = id_

    def box(self, role_or_name: str) -> MailboxInfo:
        for info in mailstore.mailboxes(self.id):
            if role_or_name in (info.role, info.name):
                return info
        raise KeyError(role_or_name)

    def deliver(
        self, box: str = "inbox", *, flags: int = 0, internal_date: int | None = None, **parts: str
    ) -> int:
        """Append a message; returns its id."""
        made = mailstore.append(
            self.id, self.box(box).id, mail(**parts), flags=flags, internal_date=internal_date, cause=WEB
        )
        return made.message

    def lines(self, box: str | int = "inbox") -> list[mailstore.ThreadLine]:
        id_ = box if isinstance(box, int) else self.box(box).id
        return list(mailstore.threads(self.id, id_).rows)

    def where(self, message: int) -> set[str]:
        """The names of the mailboxes a message is visible in."""
        names = {info.id: info.name for info in mailstore.mailboxes(self.id)}
        try:
            return {names[box] for box in mailstore.message(self.id, message).boxes}
        except mailstore_errors.NoSuchMessage:
            return set()


@pytest.fixture
def space(db: None) -> Space:
    return Space(mailstore.create_mailspace())
