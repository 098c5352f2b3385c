"""What a posting to a distribution list becomes: copies for members here, a message of its own for each elsewhere.

`spread` decides and prepares, before the transaction: who may post, what the copies say, who gets one. `store` does
it within the transaction that takes the posting in, so that a `250` means every member. The envelope sender of each
copy names its member (VERP), so that a refusal is counted for the right one (`flow.list_bounces`).

Called by `flow.receive` for mail from elsewhere, by `flow.submit` and `flow.local` for our own people's. Who is on a
list, the directory knows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from django.conf import settings
from django.utils.translation import gettext as _

from mta import directory
from mta.directory import (
    BOUNCE,
    LEAVE,
    InboundPolicy,
    ListInfo,
    ListTarget,
    LocalTarget,
    Member,
    RemoteTarget,
)
from mta.flow import filing, list_bounces, placement, sealing, submitted
from mta.flow.errors import MayNotPost
from mta.flow.filing import Copy
from mta.flow.placement import Decision, Refusal
from mta.mailstore.service import Door, Prepared, prepare
from mta.message import list_fields, trace
from mta.message.address import BadAddress, canonical, split
from mta.message.headers import Field, first, message_ids, parse_header, split_message
from mta.message.list_fields import Heading
from mta.queue import service as queue
from mta.queue.values import FORWARD, NewOutgoing, NewRecipient
from mta.tracing import service as tracing
from mta.tracing.service import Event
from mta.trust.signing import sign
from mta.trust.verdict import NOTHING_KNOWN, Verdict
from mta.values import INBOX, JUNK, QUARANTINE, Cause

MOST_COPIED = 128 * 1024 * 1024  # bytes of all copies of a message: each member elsewhere has their own
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
    ip: str = ""  # of who handed it in

    @property
    def message_id(self) -> str:
        found = message_ids(first(_fields(self.raw), "message-id") or b"", 1)
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
    passed_on: set[int] = field(default_factory=set)  # lists that took it
    copied: int = 0  # bytes, for members elsewhere
    kept: list[tuple[ListInfo, Decision]] = field(
        default_factory=list
    )  # for owners, unless a list takes it yet
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
        info = directory.current().mailing_list(target.list_id)
        if target.duty == LEAVE:
            left.append(target)
        elif target.duty == BOUNCE:
            said = list_bounces.refusals(posted.raw)
            bounced += [(target, each) for each in said or ()]
            if said is None and info is not None:
                work.kept.append((info, _no_report(posted, info, target.address)))
        else:
            try:
                if info is None:  # deleted since it was asked for
                    raise MayNotPost(_("There is no list %(list)s any more.") % {"list": target.address})
                _post(work, info, authors=_authors(posted))
            except MayNotPost as error:
                if strict:
                    raise
                refused.append((target, error))
                if hold and info is not None:
                    _keep_back(work, info, error)
    for each, decision in work.kept:  # last: who is a member of another list has their copy as such
        if each.id not in work.passed_on:
            _to_owners(work, each, decision)
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
def _authors(posted: Posted) -> frozenset[str]:
    """Who wrote it, as posters are compared. Of ours who signed in: everybody in From and Sender, as they may write
    as all of them. Of others': the one in From, since nothing vouches for Sender; nobody where there are several."""
    found = set()
    named = submitted.authors(posted.raw, sender=posted.trusted)
    for author in named if posted.trusted or len(named) == 1 else ():
        try:
            local, domain = split(canonical(author))
        except BadAddress:
            return frozenset()
        found |= {f"{local}@{domain}", f"{local.partition('+')[0]}@{domain}"}
    return frozenset(found)


def _check(posted: Posted, info: ListInfo, authors: frozenset[str], *, through: str = "") -> None:
    """Raise MayNotPost, with a sentence for whoever wrote it. `through`: the list that it comes from."""
    fields = _fields(posted.raw)
    shown = {"list": info.address}
    if list_fields.has_passed(fields, info.address):
        raise MayNotPost(_("This message has been through %(list)s already.") % shown)
    if _is_automatic(posted, fields):
        raise MayNotPost(_("%(list)s takes no automatic answers and reports.") % shown)
    if info.policy == "anyone":
        return
    # What a list takes, lists that it is a member of take from it.
    if not (authors | {through}) & info.posters and not _same_mailbox(authors, info.posters):
        if info.policy == "members":
            raise MayNotPost(_("Only members may post to %(list)s.") % shown)
        raise MayNotPost(_("Only a few addresses may post to %(list)s, and this is none of them.") % shown)
    if not posted.trusted and not _is_believable(posted.verdict, authors):
        raise MayNotPost(_("%(list)s cannot tell that its author really sent this.") % shown)


def _fields(raw: bytes) -> tuple[Field, ...]:
    header_end, _body = split_message(raw)
    return parse_header(raw[:header_end])


def _is_automatic(posted: Posted, fields: tuple[Field, ...]) -> bool:
    """RFC 3834 §2: what a program answers is for one person, and a report for whoever sent what it is about."""
    said = (first(fields, "auto-submitted") or b"no").split(b";")[0].strip().lower()
    return said not in (b"no", b"auto-generated") or not posted.sender


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
    """What would show a forger has not: that the checks read another author, or none; that DMARC failed; or that the
    author is of ours, who would have signed in."""
    domain = next((author.rpartition("@")[2] for author in authors), "")
    if not domain or (verdict.author != domain and (verdict.author or settings.INBOUND_CHECKS)):
        return False
    dmarc = verdict.of("dmarc")
    if verdict.policy or (dmarc is not None and dmarc.result == "fail"):
        return False
    if dmarc is not None and dmarc.result == "pass":
        return True
    if not directory.current().is_local_domain(domain):
        return True
    return any(
        each.method in ("dkim", "spf") and each.result == "pass" and each.domain == domain
        for each in verdict.evidence
    )


# --- what it becomes ----------------------------------------------------------------------------------------
def _post(work: _Work, info: ListInfo, *, authors: frozenset[str], path: tuple[ListInfo, ...] = ()) -> None:
    """Copies for everybody on a list; raises MayNotPost before anything is put down. `path`: the lists it came by."""
    if info.id in work.passed_on:
        return
    posted = work.posted
    if len(path) > DEEPEST:
        raise MayNotPost(_("It came to %(list)s through too many other lists.") % {"list": info.address})
    if (refusal := placement.not_onward(posted.verdict, policy=_policy(info))) is not None:
        raise MayNotPost(refusal.text)
    _check(posted, info, authors, through=path[-1].address if path else "")
    decision = _judged(posted, info, info.address)
    if decision.role != INBOX:
        # Doubtful: its owner may look at it; nobody else is troubled with it.
        if not info.owners:
            raise MayNotPost(_("Nobody looks after %(list)s just now.") % {"list": info.address})
        work.kept.append((info, decision))
        return
    here, elsewhere, below = _members(info)
    below = [each for each in below if each.id not in {info.id, *(above.id for above in path)}]
    if not (here or elsewhere or below):
        raise MayNotPost(_("Nobody is on %(list)s just now.") % {"list": info.address})
    fresh = {address: member for address, member in elsewhere.items() if address not in work.sent}
    copied = len(posted.raw) * len(fresh)
    if work.copied + copied > MOST_COPIED:
        raise MayNotPost(
            _("The message is too big for %(list)s: %(size)d MB to %(count)d members elsewhere.")
            % {"list": info.address, "size": -(-len(posted.raw) // 1_048_576), "count": len(fresh)}
        )
    work.passed_on.add(info.id)
    work.copied += copied
    heading = Heading(info.name, info.address, info.owner_address, open_to_all=info.policy != "listed")
    _give(work, info, here, Decision(INBOX, f"Sent to the list {info.name}, {info.address}"), heading)
    if fresh:
        _send(work, info, fresh, heading, rewrite_from=_must_rewrite(posted.verdict, authors))
    for nested in below:
        nested = replace(
            nested, owners=nested.owners or info.owners
        )  # somebody is to find what it does not take
        try:
            _post(work, nested, authors=authors, path=(*path, info))
        except MayNotPost as error:
            _keep_back(work, nested, error)


def _policy(info: ListInfo) -> InboundPolicy:
    return directory.current().inbound_policy(info.address.rpartition("@")[2])


def _judged(posted: Posted, info: ListInfo, address: str) -> Decision:
    """Where mail with its verdict goes; what must not be taken at all, into the quarantine."""
    decision = placement.decide(posted.verdict, address=address, policy=_policy(info))
    return decision.instead if isinstance(decision, Refusal) else decision


def _keep_back(work: _Work, info: ListInfo, error: MayNotPost) -> None:
    """For the owners, in Junk, unless it is nothing that anybody should open."""
    decision = _judged(work.posted, info, info.address)
    work.kept.append((info, decision if decision.role == QUARANTINE else Decision(JUNK, str(error))))


def _no_report(posted: Posted, info: ListInfo, address: str) -> Decision:
    """What came to an address for reports and is none: a person's letter, or a program's that can't be read."""
    decision = _judged(posted, info, address)
    if decision.role == INBOX and _is_automatic(posted, _fields(posted.raw)):
        return Decision(JUNK, f"An automatic answer to what {info.address} sent, and no report")
    return decision


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
    decision = batch.decision
    held = {"held": placement.kind_held(posted.verdict, decision)} if decision.role == QUARANTINE else {}
    copy = Copy(
        mailspace=mailspace,
        address=batch.address,
        sender=sender,
        decision=decision,
        prepared=batch.prepared,
        raw=batch.raw,
        prefix=trace.return_path(sender) + trace.delivered_to(batch.address) + posted.received,
        received=posted.received,
        trace_id=posted.trace_id,
        reasons={"placement": decision.reason} | held,
        cause=cause,
        utf8=posted.utf8,
        verdict=posted.verdict,
        ip=posted.ip,
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
