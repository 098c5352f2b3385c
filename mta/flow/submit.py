"""Mail that our people send, from the web client and from mail programs: check, build, sign, store, queue.

Whatever can be refused is refused before anything is written. Then one transaction of the writer's holds all
of it: the copy in Sent (web only; mail programs append their own), the draft closed, the answered message
marked, the copies for recipients here, and the queue's rows for all recipients. Mail for a local domain never
leaves the host. Never opens a socket. Called by `serve.smtp`, the web client and automatic replies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from django.conf import settings
from django.utils.translation import gettext as _

from mta import directory
from mta.directory import Login
from mta.flow import bounce, lists, local, mime, recipients, submitted, weighing
from mta.flow.errors import AlreadySent, BadMessage, NotYours, TooBig
from mta.flow.lists import Posted, Spread
from mta.flow.recipients import Audience
from mta.mailstore import service as mailstore
from mta.mailstore.errors import NoSuchDraft, StoreError
from mta.mailstore.service import Door, DraftInfo, Prepared, prepare
from mta.message import build, trace
from mta.message.build import Outgoing
from mta.queue import service as queue
from mta.queue.values import SUBMISSION, WEB, NewOutgoing, NewRecipient, Wishes
from mta.tracing import service as tracing
from mta.tracing.service import Event
from mta.trust.signing import sign
from mta.trust.verdict import NOTHING_KNOWN, Verdict
from mta.values import ANSWERED, SCHEDULED, SEEN, SENT, Cause, now_us

FORWARDS = ("forward", "attach")  # the kinds of draft that pass a message on


@dataclass(frozen=True, slots=True)
class Submitted:
    """A message taken for sending. `message` is the copy in Sent (None for a mail program's message)."""

    outgoing: int
    trace_id: str
    message: int | None
    recipients: tuple[str, ...]
    not_before: int = 0


@dataclass(frozen=True, slots=True)
class _Letter:
    """Everything known before the transaction; the steps below hand it on."""

    kind: str
    sender: str
    raw: bytes  # signed, without Bcc: what goes out and to mailboxes here
    prepared: Prepared
    audience: Audience
    trace_id: str
    cause: Cause
    at: int
    mailspace: int | None
    not_before: int = 0
    parked: bool = False
    ip: str = ""
    verdict: Verdict = NOTHING_KNOWN  # what the spam filter makes of it: for the trace
    wishes: Wishes = field(default_factory=Wishes)
    spread: Spread | None = None  # to distribution lists here

    @property
    def held(self) -> bool:
        return self.not_before > self.at


# --- the web client ----------------------------------------------------------------------------------------
def submit_draft(
    mailspace: int,
    account: int,
    draft_id: int,
    *,
    cause: Cause,
    undo_seconds: int = 0,
    send_at: int | None = None,
) -> Submitted:
    """Send a draft as it was last saved. With `undo_seconds` it waits that long and can be taken back; with `send_at`
    (µs) it lies in Scheduled until then, dated of that moment and signed at it (see `flow.scheduled`).

    Raises `flow.errors.Refused` in one of its kinds, with a sentence for the writer; the draft is then as before.
    """
    while True:
        try:
            return _submit_draft(
                mailspace, account, draft_id, cause=cause, undo_seconds=undo_seconds, send_at=send_at
            )
        except _SavedMeanwhile:
            continue  # another window was told that its words are saved: they go, too


class _SavedMeanwhile(Exception):
    """The draft was saved between reading it and sending it."""


def _submit_draft(
    mailspace: int, account: int, draft_id: int, *, cause: Cause, undo_seconds: int, send_at: int | None
) -> Submitted:
    draft = _open_draft(mailspace, draft_id)
    sender = _own_address(account, draft.fields.identity)
    fields = draft.fields
    addresses = recipients.read(email for _name, email in (*fields.to, *fields.cc, *fields.bcc))
    at = now_us()
    dated = at if send_at is None else send_at
    built = mime.outgoing(mailspace, draft, at=dated)
    unsigned = build.build(built, with_bcc=False)
    _check_size(unsigned)
    audience = recipients.divide(addresses, size=len(unsigned))
    # What waits for its hour is signed as it leaves (`flow.scheduled`), with a key that is in force then.
    seal = partial(sign, author=sender, at=dated) if send_at is None else bytes
    raw = seal(unsigned)
    prepared = prepare(raw)
    # The copy in Sent keeps its Bcc; without one, both copies are the same bytes.
    kept = prepare(seal(build.build(built, with_bcc=True))) if built.bcc else prepared
    letter = _with_lists(
        _Letter(
            kind=WEB,
            sender=sender,
            raw=raw,
            prepared=prepared,
            verdict=weighing.outgoing(prepared.facts, raw),
            audience=audience,
            trace_id=tracing.new_trace_id(),
            cause=cause,
            at=at,
            mailspace=mailspace,
            not_before=send_at or (at + undo_seconds * 1_000_000 if undo_seconds > 0 else 0),
            parked=send_at is not None,
        )
    )
    answers = _unanswered_parent(mailspace, draft)

    def work(door: Door) -> Submitted:
        if mailstore.close_sent(door, mailspace, draft_id).version != draft.version:
            raise _SavedMeanwhile
        message = door.store(
            mailspace,
            kept,
            SENT if send_at is None else SCHEDULED,
            flags=SEEN,
            trace_id=letter.trace_id,
            cause=cause,
            wake_at=send_at,
        ).message
        if fields.labels:
            mailstore.put_under(door, mailspace, message, fields.labels)
        answered = _mark(door, mailspace, answers, forwarded=fields.mode in FORWARDS, cause=cause)
        return _send(door, letter, message=message, draft=draft_id, answered=answered)

    try:
        return mailstore.commit({mailspace, *_mailspaces(letter)}, work)
    except NoSuchDraft as gone:
        raise AlreadySent(str(gone)) from gone


def submit_letter(
    mailspace: int,
    account: int,
    outgoing: Outgoing,
    *,
    cause: Cause,
    keep: bool = True,
    thread: int | None = None,
    reasons: dict[str, str] | None = None,
    unanswerable: bool = False,
) -> Submitted:
    """Send a message that the web client wrote for its reader without an editor: an answer to an invitation, a wish
    to leave a list, a report to the administrators. `keep`: with a copy in Sent, in the conversation `thread` if one
    is given, and with `reasons` noted beside it. `unanswerable`: nobody is told when it cannot be delivered, as no
    automatic answer must cause another (the null sender, RFC 5321 §4.5.5). Raises as `submit_draft`."""
    sender = _own_address(account, outgoing.from_.email)
    addresses = recipients.read(each.email for each in (*outgoing.to, *outgoing.cc, *outgoing.bcc))
    at = now_us()
    unsigned = build.build(outgoing, with_bcc=False)
    _check_size(unsigned)
    audience = recipients.divide(addresses, size=len(unsigned))
    raw = sign(unsigned, sender, at=at)
    letter = _with_lists(
        _Letter(
            kind=WEB,
            sender="" if unanswerable else sender,
            raw=raw,
            prepared=prepare(raw),
            audience=audience,
            trace_id=tracing.new_trace_id(),
            cause=cause,
            at=at,
            mailspace=mailspace,
        )
    )

    def work(door: Door) -> Submitted:
        message = None
        if keep:
            stored = door.store(
                mailspace,
                letter.prepared,
                SENT,
                flags=SEEN,
                trace_id=letter.trace_id,
                thread=thread,
                reasons=reasons,
                cause=cause,
            )
            message = stored.message
        return _send(door, letter, message=message)

    return mailstore.commit({mailspace, *_mailspaces(letter)}, work)


def cancel(mailspace: int, outgoing: int, *, cause: Cause) -> int | None:
    """Take back a message that is still held; the id of its draft, open again. `queue.errors.TooLate` else."""
    info = queue.outgoing(outgoing)
    mode = ""
    if info.draft is not None:
        mode = mailstore.draft(mailspace, info.draft).fields.mode

    def work(door: Door) -> None:
        queue.cancel(outgoing, mailspace=mailspace, now=door.now)
        submitted.take_back(door, mailspace, info, forwarded=mode in FORWARDS, cause=cause)
        tracing.record(
            [
                Event(
                    trace_id=info.trace_id,
                    kind=tracing.QUEUED,
                    at=door.now,
                    mailspace=mailspace,
                    sender=info.sender,
                    domain=info.sender.rpartition("@")[2],
                    message_id=info.header_id,
                    detail={"state": "cancelled"},
                )
            ]
        )

    mailstore.commit({mailspace}, work)
    return info.draft


def _open_draft(mailspace: int, draft_id: int) -> DraftInfo:
    try:
        draft = mailstore.draft(mailspace, draft_id)
    except NoSuchDraft as gone:
        raise AlreadySent(str(gone)) from gone
    if draft.state != "open":
        raise AlreadySent(_("This message was already sent or discarded."))
    return draft


def _own_address(account: int, address: str) -> str:
    """The From address, which is also the envelope's; raises NotYours."""
    if not directory.current().may_send_as(account, address):
        raise NotYours(_("You may not send as %(address)s.") % {"address": address or _("nobody")})
    return recipients.read([address])[0]


def _unanswered_parent(mailspace: int, draft: DraftInfo) -> int | None:
    """The message this one answers or forwards, unless that is marked already (or the message is gone)."""
    parent = draft.fields.parent
    if parent is None or draft.fields.mode == "new":
        return None
    try:
        message = mailstore.message(mailspace, parent)
    except StoreError:
        return None
    marked = "$Forwarded" in message.keywords if draft.fields.mode in FORWARDS else message.flags & ANSWERED
    return None if marked else parent


def _mark(door: Door, mailspace: int, parent: int | None, *, forwarded: bool, cause: Cause) -> int | None:
    if parent is None:
        return None
    try:
        mailstore.mark_answered(door, mailspace, parent, cause=cause, forwarded=forwarded)
    except StoreError:
        return None  # gone since we looked; that keeps nobody from answering it
    return parent


# --- mail programs -----------------------------------------------------------------------------------------
def submit_raw(
    raw: bytes,
    *,
    login: Login,
    mail_from: str,
    recipients: tuple[str, ...],
    client: str,
    ip: str,
    protocol: str = "ESMTPA",
    tls: str | None = None,
    wishes: Wishes | None = None,
) -> Submitted:
    """Send a message that came in over submission (RFC 6409). The client's own copy in Sent is its affair.

    `mail_from` has been checked already by the server; From is checked here. `wishes`: for reports (RFC 3461), and
    when it is to leave (RFC 4865). Raises `flow.errors.Refused`.
    """
    wishes = wishes or Wishes()
    at = now_us()
    _check_size(raw)
    _check_from(login.account, raw)
    addresses = _read(recipients)
    audience = _divide(addresses, size=len(raw))
    trace_id = tracing.new_trace_id()
    complete = submitted.completed(raw, hostname=settings.MAIL_HOSTNAME, at=at)
    author = submitted.authors(complete)[0]
    # RFC 5321 §7.6: "for" only where it cannot tell one recipient of another.
    only = addresses[0] if len(addresses) == 1 else None
    line = trace.received(client, ip, None, settings.MAIL_HOSTNAME, protocol, tls, trace_id, only, at)
    signed = line + sign(complete, author, at=at)
    prepared = prepare(signed)
    cause = Cause("smtp", session=f"{client} [{ip}]", actor=login.username)
    letter = _with_lists(
        _Letter(
            kind=SUBMISSION,
            sender=mail_from,
            raw=signed,
            prepared=prepared,
            verdict=weighing.outgoing(prepared.facts, complete),
            audience=audience,
            trace_id=trace_id,
            cause=cause,
            at=at,
            mailspace=login.access[0].mailspace if login.access else None,
            not_before=wishes.hold_until,
            ip=ip,
            wishes=wishes,
        )
    )
    confirmed = _confirmation(letter)

    def work(door: Door) -> Submitted:
        if confirmed is not None:
            confirmed.store(door)
        return _send(door, letter)

    return mailstore.commit({*_mailspaces(letter), *(confirmed.mailspaces if confirmed else ())}, work)


def _confirmation(letter: _Letter) -> bounce.Confirmation | None:
    """The report that mail has arrived here, where the program asked for one (RFC 3461 §5.2.5)."""
    if letter.held:
        return None  # `flow.local` says so at its hour
    wishes = letter.wishes
    return bounce.confirmation(
        [
            each.address
            for each in letter.audience.here
            if each.mailspaces and wishes.of(each.address).on_success
        ],
        letter.raw,
        sender=letter.sender,
        wishes=wishes,
        header_id=letter.prepared.facts.message_id,
        trace_id=letter.trace_id,
        at=letter.at,
    )


# The names of the parameters above are the server's; inside they would hide the module.
_read, _divide = recipients.read, recipients.divide


def _check_from(account: int, raw: bytes) -> None:
    """RFC 6409 §6.1: the author must be who has signed in, in every address of the one From field, and so must the Sender."""
    authors = submitted.authors(raw)
    if not authors:
        raise BadMessage(_("The message needs one From field with an address."))
    for author in authors:
        if not directory.current().may_send_as(account, author):
            raise NotYours(_("You may not send as %(address)s.") % {"address": author})


# --- both --------------------------------------------------------------------------------------------------
def _check_size(raw: bytes) -> None:
    if len(raw) > settings.MAX_MESSAGE_SIZE:
        raise TooBig(
            _("The message is too big: %(size)d MB of at most %(most)d MB.")
            % {"size": -(-len(raw) // 1_048_576), "most": settings.MAX_MESSAGE_SIZE // 1_048_576}
        )


def _with_lists(letter: _Letter) -> _Letter:
    """What becomes of it at distribution lists; raises MayNotPost for one that does not take it."""
    targets = [target for each in letter.audience.here for target in each.lists]
    if not targets:
        return letter
    posted = Posted(letter.raw, letter.sender, trusted=True, trace_id=letter.trace_id, at=letter.at)
    return replace(letter, spread=lists.spread(targets, posted, strict=True))


def _mailspaces(letter: _Letter) -> set[int]:
    """Those whose mailboxes get a copy within this transaction."""
    if letter.held:
        return set()
    of_lists = letter.spread.mailspaces if letter.spread else ()
    return {*of_lists, *(mailspace for each in letter.audience.here for mailspace in each.mailspaces)}


def _send(
    door: Door,
    letter: _Letter,
    *,
    message: int | None = None,
    draft: int | None = None,
    answered: int | None = None,
) -> Submitted:
    """Within the transaction: copies for recipients here, rows for all, and the trace of both."""
    header_id = letter.prepared.facts.message_id
    utf8 = not all(address.isascii() for address in (letter.sender, *letter.audience.addresses))
    weighed = {each.method: f"{each.score:g}: {each.reason}" for each in letter.verdict.evidence}
    events = [_event(letter, tracing.SUBMITTED, detail={"session": letter.cause.session} | weighed)]
    if not letter.held:
        taken: set[int] = set()
        events += local.store(
            door,
            letter.audience.here,
            letter.prepared,
            sender=letter.sender,
            trace_id=letter.trace_id,
            cause=letter.cause,
            raw=letter.raw,
            taken=taken,
        )
        if letter.spread is not None:
            events += lists.store(door, letter.spread, cause=letter.cause, taken=taken)
        local.forward(
            letter.audience.here,
            letter.raw,
            sender=letter.sender,
            header_id=header_id,
            trace_id=letter.trace_id,
            utf8=utf8,
            wishes=letter.wishes,
        )
    outgoing = queue.enqueue(
        NewOutgoing(
            kind=letter.kind,
            sender=letter.sender,
            raw=letter.raw,
            recipients=_rows(letter),
            mailspace=letter.mailspace,
            message=message,
            draft=draft,
            answered=answered,
            header_id=header_id,
            trace_id=letter.trace_id,
            utf8=utf8,
            not_before=letter.not_before,
            parked=letter.parked,
            ret=letter.wishes.ret,
            envid=letter.wishes.envid,
        ),
        now=letter.at,
    )
    waiting = letter.audience.addresses if letter.held else letter.audience.queued
    events += [_event(letter, tracing.QUEUED, recipient=address) for address in waiting]
    tracing.record(events)
    return Submitted(outgoing, letter.trace_id, message, letter.audience.addresses, letter.not_before)


def _rows(letter: _Letter) -> tuple[NewRecipient, ...]:
    here: Sequence[NewRecipient] = [
        _row(letter, each.address, here=not letter.held) for each in letter.audience.here
    ]
    return (*here, *(_row(letter, address, here=False) for address in letter.audience.queued))


def _row(letter: _Letter, address: str, *, here: bool) -> NewRecipient:
    wish = letter.wishes.of(address)
    return NewRecipient(address, delivered_here=here, notify=wish.notify, orcpt=wish.orcpt)


def _event(letter: _Letter, kind: str, *, recipient: str = "", detail: dict[str, str] | None = None) -> Event:
    return Event(
        trace_id=letter.trace_id,
        kind=kind,
        at=letter.at,
        mailspace=letter.mailspace,
        sender=letter.sender,
        recipient=recipient,
        domain=letter.sender.rpartition("@")[2],
        ip=letter.ip,
        message_id=letter.prepared.facts.message_id,
        size=len(letter.raw),
        detail=detail or {},
    )
