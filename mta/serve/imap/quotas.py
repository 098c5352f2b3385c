"""How much room there is: GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208).

One quota root governs all mailboxes of an account, with one resource: STORAGE. An account without a limit has no
root. Limits are the panel's to set, never a mail program's. What does not fit is refused with OVERQUOTA where it
comes in (see `statuses`).
"""

from __future__ import annotations

from mta.mailstore import service as mailstore
from mta.serve.imap.replies import No, Ok
from mta.serve.imap.selecting import find
from mta.serve.imap.session import Session
from mta.values import MailboxInfo
from mta.wire.imap import commands as c
from mta.wire.imap import responses

ROOT = "Mail"


async def get_quota(session: Session, command: c.GetQuota) -> Ok:
    usage = await session.call(mailstore.usage, session.mailspace)
    if command.root != ROOT or not usage.quota:
        raise No("There is no such quota root", b"NONEXISTENT")
    session.send(responses.quota(ROOT, used=usage.used, limit=usage.quota))
    return Ok("That is the quota")


async def get_quota_root(session: Session, command: c.GetQuotaRoot) -> Ok:
    info, usage = await session.call(_look, session.mailspace, command.mailbox)
    roots = [ROOT] if usage.quota else []
    session.send(responses.quota_root(info.name, roots, utf8=session.utf8))
    if roots:
        session.send(responses.quota(ROOT, used=usage.used, limit=usage.quota))
    return Ok("Those are the quota roots")


def _look(mailspace: int, name: str) -> tuple[MailboxInfo, mailstore.Usage]:
    return find(mailspace, name), mailstore.usage(mailspace)


async def set_quota(session: Session, command: c.SetQuota) -> Ok:
    raise No("Only an administrator changes the quota", b"NOPERM")
