"""What a posting to a distribution list becomes: copies for members here, a message of its own for each elsewhere.

`spread` decides and prepares, before the transaction: who may post, what the copies say, who gets one. `store` does
it within the transaction that takes the posting in, so that a `250` means every member. The envelope sender of each
copy names its member (VERP), so that a refusal is counted for the right one (`flow.list_bounces`).

Called by `flow.receive` for mail from elsewhere, by `flow.submit` and `flow.local` for our own people's. Who is on a
list, the directory knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from mta import directory
from mta.directory import BOUNCE, LEAVE, ListInfo, ListTarget, LocalTarget, Member, RemoteTarget
from mta.flow import filing, list_bounces, placement, sealing, submitted
from mta.flow.errors import MayNotPost
from mta.flow.filing import Copy
from mta.flow.placement import Decision, Refusal
from mta.mailstore.service import Door, Prepared, prepare
from mta.message import list_fields, trace
from mta.message.address import BadAddress, canonical, split
from mta.message.headers import first, message_ids, parse_header, split_message
from mta.message.list_fields import Heading
from mta.queue import service as queue
from mta.queue.values import FORWARD, NewOutgoing, NewRecipient
from mta.tracing import service as tracing
from mta.tracing.service import Event
from mta.trust.signing import sign
from mta.trust.verdict import NOTHING_KNOWN, Verdict
from mta.values import JUNK, Cause

MOST_COPIED = 128 * 1024 * 1024  # bytes of the copies of one posting: each member elsewhere has their own
DEEPEST = 3  # lists that are members of lists


@dataclass(frozen=True, slots=True)
class Posted:
    """A message on its way to lists. `trusted`: who signed in here wrote it, and may write as its author."""

    raw: bytes
    sender: str  # the envelope's
    verdict: Verdict = NOTHING_KNOWN
    trusted: bool = False
    trace_id: str = ""
    at: int = 0
    received: bytes = b""  # our Received line, for what goes out again
    utf8: bool = False

    @property
    def message_id(self) -> str:
        header_end, _body = split_message(self.raw)
        found = message_ids(first(parse_header(self.raw[:header_end]), "message-id") or b"", 1)
        return found[0] if found else ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Copies with the same bytes for mailspaces here, under the list's address; `who` got them as which member."""

    address: str
    who: dict[int, str]  # mailspace → the envelope sender of its copy
    prepared: Prepared
    raw: bytes
    decision: Decision


@dataclass(frozen=True, slots=True)
class Spread:
    """What is to be stored and queued for all lists of a message. Empty for a message to none."""

    posted: Posted
    batches: tuple[Batch, ...] = ()
    outgoing: tuple[NewOutgoing, ...] = ()
    onward: tuple[tuple[str, str], ...] = ()  # (the list's address, whom a copy goes to)
    bounced: tuple[tuple[ListTarget, str], ...] = ()  # with the other server's words
    left: tuple[ListTarget, ...] = ()
    refused: tuple[tuple[ListTarget, MayNotPost], ...] = ()

    @property
    def mailspaces(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(mailspace for batch in self.batches for mailspace in batch.who))


@dataclass(slots=True)
class _Work:
    """What is gathered while the lists are gone through."""

    posted: Posted
    seen: set[int] = field(default_factory=set)
    given: set[int] = field(default_factory=set)  # mailspaces that have a copy
    sent: set[str] = field(default_factory=set)  # addresses elsewhere
    batches: list[Batch] = field(default_factory=list)
    outgoing: list[NewOutgoing] = field(default_factory=list)
    onward: list[tuple[str, str]] = field(default_factory=list)


def spread(
    targets: Iterable[ListTarget], posted: Posted, *, strict: bool = False, hold: bool = True
) -> Spread:
    """What becomes of the message. Lists that do not take it are in `refused`; with `hold`, their owners are to find
    it in Junk with the reason, for when it is taken in for others' sake. `strict`: the first such raises MayNotPost.
    """
    work = _Work(posted)
    refused: list[tuple[ListTarget, MayNotPost]] = []
    bounced, left = [], []
    for target in dict.fromkeys(targets):
        if target.duty == LEAVE:
            left.append(target)
        elif target.duty == BOUNCE:
            bounced += [(target, said) for said in list_bounces.refusals(posted.raw)]
        elif (info := directory.current().mailing_list(target.list_id)) is not None:
            try:
                _post(work, info, authors=_authors(posted.raw))
            except MayNotPost as error:
                if strict:
                    raise
                refused.append((target, error))
                if hold:
                    _to_owners(work, info, Decision(JUNK, str(error)))
    return Spread(
        posted,
        tuple(work.batches),
        tuple(work.outgoing),
        tuple(work.onward),
        tuple(bounced),
        tuple(left),
        tuple(refused),
    )


def judges(targets: Iterable[ListTarget]) -> list[int]:
    """Whose eyes a posting is looked at with: those of the lists' owners."""
    found = (
        directory.current().mailing_list(target.list_id)
        for target in targets
        if target.duty == directory.POST
    )
    return list(dict.fromkeys(owner for info in found if info is not None for owner in info.owners[:1]))


# --- who may post -------------------------------------------------------------------------------------------
def _authors(raw: bytes) -> frozenset[str]:
    """Everybody in From and Sender, as they are compared; nobody where From is not one whole field."""
    found = set()
    for author in submitted.authors(raw):
        try:
            local, domain = split(canonical(author))
        except BadAddress:
            return frozenset()
        found |= {f"{local}@{domain}", f"{local.partition('+')[0]}@{domain}"}
    return frozenset(found)


def _check(posted: Posted, info: ListInfo, authors: frozenset[str]) -> None:
    """Raise MayNotPost, with a sentence for whoever wrote it."""
    header_end, _body = split_message(posted.raw)
    fields = parse_header(posted.raw[:header_end])
    shown = {"list": info.address}
    if list_fields.has_passed(fields, info.address):
        raise MayNotPost(_("This message has been through %(list)s already.") % shown)
    automatic = (first(fields, "auto-submitted") or b"no").split(b";")[0].strip().lower()
    # RFC 3834 §2: what a program answers is for one person, and a report for whoever sent what it is about.
    if automatic not in (b"no", b"auto-generated") or not posted.sender:
        raise MayNotPost(_("%(list)s takes no automatic answers and reports.") % shown)
    if info.policy == "anyone":
        return
    if not authors & info.posters and not _same_mailbox(authors, info.posters):
        if info.policy == "members":
            raise MayNotPost(_("Only members may post to %(list)s.") % shown)
        raise MayNotPost(_("Only a few addresses may post to %(list)s, and this is none of them.") % shown)
    if not posted.trusted and not _is_believable(posted.verdict, authors):
        raise MayNotPost(_("%(list)s cannot tell that its author really sent this.") % shown)


def _same_mailbox(authors: frozenset[str], posters: frozenset[str]) -> bool:
    """Somebody of ours who is on the list under another of their addresses."""
    here = directory.current()
    own = {
        target.mailspace
        for author in authors
        for target in here.resolve(author).targets
        if isinstance(target, LocalTarget)
    }
    if len(own) != 1:  # an alias of several is nobody's own address
        return False
    return any(
        isinstance(target, LocalTarget) and target.mailspace in own
        for poster in posters
        if here.is_local_domain(poster.rpartition("@")[2])
        for target in here.resolve(poster).targets
    )


def _is_believable(verdict: Verdict, authors: frozenset[str]) -> bool:
    """What would show a forger has not: DMARC failed; or the author is of ours, who would have signed in."""
    dmarc = verdict.of("dmarc")
    if verdict.policy or (dmarc is not None and dmarc.result == "fail"):
        return False
    if dmarc is not None and dmarc.result == "pass":
        return True
    domains = {author.rpartition("@")[2] for author in authors}
    if not any(directory.current().is_local_domain(domain) for domain in domains):
        return True
    return any(
        each.method in ("dkim", "spf") and each.result == "pass" and each.domain in domains
        for each in verdict.evidence
    )


# --- what it becomes ----------------------------------------------------------------------------------------
def _post(work: _Work, info: ListInfo, *, authors: frozenset[str], depth: int = 0) -> None:
    """Copies for everybody on a list; raises MayNotPost before anything is put down."""
    if info.id in work.seen:
        return
    posted = work.posted
    policy = directory.current().inbound_policy(info.address.rpartition("@")[2])
    if (refusal := placement.not_onward(posted.verdict, policy=policy)) is not None:
        raise MayNotPost(refusal.text)
    _check(posted, info, authors)
    work.seen.add(info.id)
    decision = placement.decide(posted.verdict, address=info.address, policy=policy)
    if isinstance(decision, Refusal) or decision.role != placement.from_here("").role:
        # Doubtful: its owner may look at it; nobody else is troubled with it.
        _to_owners(work, info, decision.instead if isinstance(decision, Refusal) else decision)
        return
    here, elsewhere, below = _members(info)
    if len(posted.raw) * len(elsewhere) > MOST_COPIED:
        raise MayNotPost(
            _("The message is too big for %(list)s: %(size)d MB to %(count)d members elsewhere.")
            % {"list": info.address, "size": -(-len(posted.raw) // 1_048_576), "count": len(elsewhere)}
        )
    heading = Heading(info.name, info.address, info.owner_address, open_to_all=info.policy != "listed")
    _give(work, info, here, Decision(decision.role, f"Sent to the list {info.name}, {info.address}"), heading)
    if elsewhere:
        _send(work, info, elsewhere, heading, rewrite_from=_must_rewrite(posted.verdict, authors))
    for nested in below if depth < DEEPEST else ():
        # What a list takes, lists that it is a member of take from it.
        with_list = authors | {info.address}
        try:
            _post(work, nested, authors=with_list, depth=depth + 1)
        except MayNotPost as error:
            _to_owners(work, nested, Decision(JUNK, str(error)))


def _members(info: ListInfo) -> tuple[dict[int, str], dict[str, Member], list[ListInfo]]:
    """(mailspaces here, with the envelope sender of each; addresses elsewhere or not to be reached just now; lists)."""
    here: dict[int, str] = {}
    elsewhere: dict[str, Member] = {}
    below: list[ListInfo] = []
    ask = directory.current()
    for member in info.members:
        resolution = ask.resolve(member.address)
        if resolution.kind != "ours":
            elsewhere.setdefault(
                member.address, member
            )  # also of ours, but gone or shut: the queue finds that out
        for target in resolution.targets:
            match target:
                case LocalTarget(mailspace=mailspace):
                    here.setdefault(mailspace, member.bounces_to)
                case RemoteTarget(address=outside):
                    elsewhere.setdefault(outside, member)
                case ListTarget(list_id=list_id, duty=directory.POST):
                    if (found := ask.mailing_list(list_id)) is not None:
                        below.append(found)
    return here, elsewhere, below


def _must_rewrite(verdict: Verdict, authors: frozenset[str]) -> bool:
    """Whether others would refuse the list's copy in the author's name: their domain enforces DMARC, and we hold no
    key to sign for it."""
    if verdict.published not in ("quarantine", "reject"):
        return False
    return not any(directory.current().signing_keys(author.rpartition("@")[2]) for author in authors)


def _give(work: _Work, info: ListInfo, here: dict[int, str], decision: Decision, heading: Heading) -> None:
    who = {mailspace: sender for mailspace, sender in here.items() if mailspace not in work.given}
    if who:
        raw = list_fields.headed(work.posted.raw, heading, rewrite_from=False)
        work.given.update(who)
        work.batches.append(Batch(info.address, who, prepare(raw), raw, decision))


def _to_owners(work: _Work, info: ListInfo, decision: Decision) -> None:
    """What the list does not take, for whoever looks after it."""
    who = {mailspace: work.posted.sender for mailspace in info.owners if mailspace not in work.given}
    if who:
        work.given.update(who)
        raw = work.posted.raw
        work.batches.append(Batch(info.owner_address, who, prepare(raw), raw, decision))


def _send(
    work: _Work, info: ListInfo, members: dict[str, Member], heading: Heading, *, rewrite_from: bool
) -> None:
    posted = work.posted
    headed = list_fields.headed(posted.received + posted.raw, heading, rewrite_from=rewrite_from)
    # What was found about the author here would not be found again: the copy comes from this host (RFC 8617).
    domain = info.address.rpartition("@")[2]
    headed = sealing.onward(headed, posted.verdict, domain=domain, at=posted.at) + headed
    keys = directory.current().signing_keys(domain)
    for address, member in members.items():
        if address in work.sent:
            continue
        work.sent.add(address)
        # RFC 8058 §4: what says how to leave is signed; the list's domain answers for the copy.
        raw = sign(
            list_fields.leaving(member.leave_to, member.leave_url) + headed,
            info.address,
            at=posted.at,
            keys=keys,
        )
        work.onward.append((info.address, address))
        work.outgoing.append(
            NewOutgoing(
                kind=FORWARD,
                sender=member.bounces_to,
                raw=raw,
                recipients=(NewRecipient(address),),
                header_id=posted.message_id,
                trace_id=posted.trace_id,
                utf8=posted.utf8 or not (address + member.bounces_to).isascii(),
            )
        )


# --- within the transaction ---------------------------------------------------------------------------------
def store(door: Door, found: Spread, *, cause: Cause, taken: set[int] | None = None) -> list[Event]:
    """Everything `spread` found; `taken` are mailspaces that have the message under an address of their own."""
    taken = set() if taken is None else taken
    events: list[Event] = []
    for batch in found.batches:
        for mailspace, sender in batch.who.items():
            if mailspace not in taken:
                taken.add(mailspace)
                events += _store(door, found.posted, batch, mailspace, sender=sender, cause=cause)
    queue.enqueue_all(found.outgoing, now=door.now)
    message_id = found.posted.message_id
    events += [
        _event(
            door, found.posted, tracing.FORWARDED, address=address, message_id=message_id, detail={"to": to}
        )
        for address, to in found.onward
    ]
    for target, said in found.bounced:
        list_bounces.failed(target, said=said, at=door.now)
    for target in found.left:
        directory.current().list_left(target.list_id, target.member)
    return events


def _store(
    door: Door, posted: Posted, batch: Batch, mailspace: int, *, sender: str, cause: Cause
) -> list[Event]:
    copy = Copy(
        mailspace=mailspace,
        address=batch.address,
        sender=sender,
        decision=batch.decision,
        prepared=batch.prepared,
        raw=batch.raw,
        prefix=trace.return_path(sender) + trace.delivered_to(batch.address) + posted.received,
        received=posted.received,
        trace_id=posted.trace_id,
        reasons={"placement": batch.decision.reason},
        cause=cause,
        utf8=posted.utf8,
    )
    final, events = filing.store(door, copy)
    detail = {"mailbox": final.role, "reason": final.reason}
    message_id = batch.prepared.facts.message_id
    return [
        _event(
            door,
            posted,
            tracing.PLACED,
            address=batch.address,
            message_id=message_id,
            detail=detail,
            mailspace=mailspace,
        ),
        *events,
    ]


def _event(
    door: Door,
    posted: Posted,
    kind: str,
    *,
    address: str,
    message_id: str,
    detail: dict[str, str],
    mailspace: int | None = None,
) -> Event:
    return Event(
        trace_id=posted.trace_id,
        kind=kind,
        at=door.now,
        mailspace=mailspace,
        sender=posted.sender,
        recipient=address,
        domain=address.rpartition("@")[2],
        message_id=message_id,
        detail=detail,
    )
