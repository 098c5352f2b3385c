"""Distribution lists: adding one, its members, who may post; and what the mail flow asks and tells (`directory`).

A posting's way is `mta.flow.lists`; here are only names, states and rights. Whoever may change a domain's aliases may
change its lists.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting import access, addresses, audit, list_tokens, names, responsible
from hosting.accounts import clean_name
from hosting.actor import Actor
from hosting.errors import BadName, LimitReached
from hosting.models import Account, Address, Domain, ListMember, MailingList, Target
from mta.directory import ListInfo, Member
from mta.message.address import quote_local

MOST_MEMBERS = 1000  # a posting is stored and queued for all of them in one transaction
MOST_POSTERS = 200
# "-bounces+123456789012.0123456789abcdef" must follow it within RFC 5321's 64 octets.
LONGEST_NAME = 26
FORGIVEN = timedelta(days=30)  # a bounce after so long without one is the first again


@dataclass(frozen=True, slots=True)
class Wanted:
    """What can be chosen about a list."""

    name: str
    policy: str = MailingList.MEMBERS
    posters: Sequence[str] = ()
    owner: str = ""  # a sign-in name; "": whoever answers for the domain
    pause_after: int = 3


def add(domain: Domain, local_part: str, *, wanted: Wanted, actor: Actor) -> MailingList:
    """A new list without members."""
    access.require(actor, access.ALIAS_EDIT, domain)
    local = names.local_part(local_part)
    if len(local.encode()) > LONGEST_NAME:
        raise BadName(_("The name of a list has %d characters at most.") % LONGEST_NAME, field="local_part")
    fields = _fields(wanted, domain=domain, actor=actor)
    services = [f"{local}{each}" for each in addresses.SERVICES]
    try:
        with transaction.atomic():
            addresses.require_free(domain, local, also=services)
            address = Address.objects.create(domain=domain, local_part=local)
            made = MailingList.objects.create(address=address, **fields)
            Target.objects.create(address=address, mailing_list=made)
            audit.record(actor, "list.add", of=address, after=_shown(fields))
    except IntegrityError:
        raise addresses.taken(domain, local) from None
    return made


def change(mailing_list: MailingList, *, wanted: Wanted, actor: Actor) -> None:
    address = mailing_list.address
    access.require(actor, access.ALIAS_EDIT, address)
    fields = _fields(wanted, domain=address.domain, actor=actor)
    with transaction.atomic():
        held = MailingList.objects.select_for_update().get(pk=mailing_list.pk)
        before = {name: getattr(held, name) for name in fields}
        MailingList.objects.filter(pk=mailing_list.pk).update(**fields)
        if before != fields:
            audit.record(actor, "list.change", of=address, before=_shown(before), after=_shown(fields))


def remove(mailing_list: MailingList, *, actor: Actor) -> None:
    """Mail to it is refused from now on (or goes to the catch-all)."""
    address = mailing_list.address
    access.require(actor, access.ALIAS_EDIT, address)
    with transaction.atomic():
        members = mailing_list.members.count()
        audit.record(actor, "list.remove", of=address, before={"members": members})
        address.delete()


def _fields(wanted: Wanted, *, domain: Domain, actor: Actor) -> dict[str, object]:
    name = clean_name(wanted.name)
    if not name:
        raise BadName(_("Give the list a name."), field="name")
    if wanted.policy not in dict(MailingList.POLICIES):
        raise BadName(_("Say who may post."), field="policy")
    posters = _read(wanted.posters, field="posters")
    if len(posters) > MOST_POSTERS:
        raise BadName(_("At most %d addresses may be listed.") % MOST_POSTERS, field="posters")
    if wanted.policy == MailingList.LISTED and not posters:
        raise BadName(_("List at least one address that may post."), field="posters")
    return {
        "name": name,
        "policy": wanted.policy,
        "posters": posters,
        "owner": _owner(wanted.owner, domain=domain, actor=actor),
        "pause_after": min(max(wanted.pause_after, 1), 50),
    }


def _owner(username: str, *, domain: Domain, actor: Actor) -> Account | None:
    """An account with mail, of the same customer or one the actor sees anyway."""
    if not username.strip():
        return None
    wanted = names.username(username)
    found = access.accounts_for(actor).filter(username=wanted, mailspace__isnull=False).first()
    if found is None or found.tenant_id != domain.tenant_id:
        raise BadName(_("The owner is an account with mail of the same customer."), field="owner")
    return found


def _shown(fields: dict[str, object]) -> dict[str, object]:
    owner = fields["owner"]
    return fields | {"owner": owner.username if isinstance(owner, Account) else ""}


# --- members ------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Added:
    """What became of pasted addresses."""

    added: int
    there: int  # were on the list already
    left: tuple[str, ...]  # have left it themselves, and are not brought back


def parse_members(text: str) -> list[str]:
    """Pasted addresses: one a line, or with commas, semicolons or spaces between; `Name <address>` is read, too."""
    found = []
    for part in text.replace(";", "\n").replace(",", "\n").splitlines():
        inner = part.partition("<")[2].partition(">")[0] or part
        found += inner.split()
    return found


def add_members(mailing_list: MailingList, texts: Sequence[str], *, actor: Actor) -> Added:
    """All of them or none: an address that is none is named."""
    address = mailing_list.address
    access.require(actor, access.ALIAS_EDIT, address)
    wanted = _read(texts, field="members")
    if not wanted:
        raise BadName(_("Paste at least one address."), field="members")
    if str(address) in wanted:
        raise BadName(_("A list cannot be its own member."), field="members")
    with transaction.atomic():
        MailingList.objects.select_for_update().get(pk=mailing_list.pk)
        held = dict(mailing_list.members.values_list("address", "state"))
        new = [each for each in wanted if each not in held]
        if len(held) + len(new) > MOST_MEMBERS:
            raise LimitReached(_("A list has %d members at most.") % MOST_MEMBERS, field="members")
        rows = [ListMember(mailing_list=mailing_list, address=each) for each in new]
        ListMember.objects.bulk_create(rows, batch_size=200)
        if new:
            audit.record(actor, "list.members", of=address, after={"added": new[:50], "members": len(new)})
    left = tuple(each for each in wanted if held.get(each) == ListMember.LEFT)
    return Added(len(new), len(wanted) - len(new) - len(left), left)


def remove_member(member: ListMember, *, actor: Actor) -> None:
    address = member.mailing_list.address
    access.require(actor, access.ALIAS_EDIT, address)
    with transaction.atomic():
        audit.record(actor, "list.members", of=address, before={"removed": member.address})
        member.delete()


def resume_member(member: ListMember, *, actor: Actor) -> None:
    """A paused member gets mail again, and starts without bounces. Who left on their own wish does not come back so."""
    address = member.mailing_list.address
    access.require(actor, access.ALIAS_EDIT, address)
    with transaction.atomic():
        rows = ListMember.objects.filter(pk=member.pk, state=ListMember.PAUSED)
        if rows.update(state=ListMember.ACTIVE, reason="", bounces=0, bounced_at=None):
            audit.record(actor, "list.members", of=address, after={"resumed": member.address})


def _read(texts: Iterable[str], *, field: str) -> list[str]:
    return list(dict.fromkeys(names.address(text, field=field) for text in texts))


# --- what the mail flow asks --------------------------------------------------------------------------------
def info(list_id: int) -> ListInfo | None:
    """The list as a posting finds it."""
    found = MailingList.objects.filter(pk=list_id).select_related("address__domain").first()
    if found is None:
        return None
    rows = list(found.members.order_by("id").values_list("id", "address", "state"))
    stem, domain = found.address.local_part, found.address.domain.name
    page = settings.PUBLIC_URL + reverse("hosting:list_leave", args=["TOKEN"])
    members = []
    for id_, address, state in rows:
        if state != ListMember.ACTIVE:
            continue
        bounce, leave = list_tokens.make(list_tokens.BOUNCES, id_), list_tokens.make(list_tokens.LEAVE, id_)
        members.append(
            Member(
                id_,
                address,
                bounces_to=f"{quote_local(f'{stem}-bounces+{bounce}')}@{domain}",
                leave_to=f"{quote_local(f'{stem}-leave+{leave}')}@{domain}",
                leave_url=page.replace("TOKEN", leave),
            )
        )
    posters = (
        {address for _id, address, state in rows if state != ListMember.LEFT}
        if found.policy == MailingList.MEMBERS
        else set(found.posters)
    )
    return ListInfo(
        found.pk,
        f"{stem}@{domain}",
        found.name,
        found.policy,
        frozenset(posters),
        tuple(members),
        owners=tuple(_owners(found)),
        owner_address=f"{stem}-owner@{domain}",
    )


def owners(list_id: int) -> list[int]:
    """The mailspaces of who looks after a list."""
    found = MailingList.objects.filter(pk=list_id).select_related("address__domain").first()
    return _owners(found) if found is not None else []


def _owners(mailing_list: MailingList) -> list[int]:
    owner = Account.objects.filter(
        pk=mailing_list.owner_id or 0, state=Account.ACTIVE, mailspace__isnull=False
    )
    if (mailspace := owner.values_list("mailspace", flat=True).first()) is not None:
        return [mailspace]
    domain = mailing_list.address.domain
    return responsible.of_domain(domain.pk, domain.tenant_id)


# --- what the mail flow tells, in its transaction -----------------------------------------------------------
def bounced(list_id: int, member: int, *, said: str) -> str:
    """Count a hard bounce; the address of the member if that one paused them, else ""."""
    rows = ListMember.objects.filter(pk=member, mailing_list_id=list_id, state=ListMember.ACTIVE)
    now = timezone.now()
    if not rows.filter(bounced_at__gte=now - FORGIVEN).update(bounces=F("bounces") + 1, bounced_at=now):
        rows.update(bounces=1, bounced_at=now)
    over = rows.filter(bounces__gte=F("mailing_list__pause_after")).values_list("address", flat=True).first()
    # Of two reports that come at once, one pauses the member.
    if over is None or not rows.update(state=ListMember.PAUSED, reason=said[:300]):
        return ""
    return over


def left(list_id: int, member: int) -> None:
    ListMember.objects.filter(pk=member, mailing_list_id=list_id).update(state=ListMember.LEFT, reason="")


# --- the page for members outside ---------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Membership:
    """What somebody with the link is told. `address` is theirs: only they were sent the link."""

    list_id: int
    member: int
    list_name: str
    list_address: str
    address: str
    has_left: bool


def membership(token: str) -> Membership | None:
    """Whose link this is; None for what is not ours, or about a list or member that is gone."""
    id_ = list_tokens.read(list_tokens.LEAVE, token)
    rows = ListMember.objects.filter(pk=id_).select_related("mailing_list__address__domain")
    found = rows.first() if id_ else None
    if found is None:
        return None
    of = found.mailing_list
    return Membership(of.pk, id_, of.name, str(of.address), found.address, found.state == ListMember.LEFT)
