"""The automatic reply of a mailspace: what it says and when; and who got one (RFC 3834 §2: not the same twice)."""

from __future__ import annotations

from django.utils.translation import gettext as _

from mta.mailstore.service import Door
from mta.message.charsets import storable
from mta.values import now_us

from . import plans
from .errors import CannotFilter
from .models import AutomaticReply, Replied
from .rules import committed
from .values import AutoReply

DAY = 86_400 * 1_000_000
MAX_TEXT = 20_000
MAX_HTML = 200_000
MOST_A_DAY = 500  # answers of one mailspace: forged senders get them, too
# Moments that every time zone can say: from 1970 to the end of the year 9891.
_FIRST, _LAST = 0, 250_000_000_000 * 1_000_000
LONGEST = 90  # days; who was answered is forgotten after them


def auto_reply(mailspace: int) -> AutoReply:
    """The one there is; one that was never set is off."""
    return plans.reply_of(mailspace)


def set_auto_reply(mailspace: int, reply: AutoReply) -> AutoReply:
    """Set it. A reply that says something new is said to everybody anew."""
    new = _checked(reply)

    def work(_door: Door) -> AutoReply:
        before = plans.reply_of(mailspace)
        values = {name: getattr(new, name) for name in AutoReply.__dataclass_fields__}
        AutomaticReply.objects.update_or_create(mailspace_id=mailspace, defaults=values)
        if new.enabled and (not before.enabled or _said(before) != _said(new)):
            Replied.objects.filter(mailspace_id=mailspace, rule=0).delete()
        return new

    return committed(mailspace, work)


def _said(reply: AutoReply) -> tuple[str, str, str, int | None]:
    return reply.subject, reply.text, reply.html, reply.starts


def _checked(reply: AutoReply) -> AutoReply:
    if len(reply.text) > MAX_TEXT or len(reply.html) > MAX_HTML:
        raise CannotFilter(_("The automatic reply is too long."))
    if reply.enabled and not (reply.text.strip() or reply.html.strip() or reply.subject.strip()):
        raise CannotFilter(_("Write what the automatic reply says."))
    if reply.starts is not None and reply.ends is not None and reply.ends <= reply.starts:
        raise CannotFilter(_("The automatic reply ends before it starts."))
    if not all(_FIRST <= each <= _LAST for each in (reply.starts, reply.ends) if each is not None):
        raise CannotFilter(_("Those days are too far away."))
    if not 1 <= reply.days <= LONGEST:
        raise CannotFilter(_("Choose from 1 to %(most)d days.") % {"most": LONGEST})
    return AutoReply(
        enabled=reply.enabled,
        subject=" ".join(storable(reply.subject).split())[:500],
        html=storable(reply.html),
        text=storable(reply.text),
        starts=reply.starts,
        ends=reply.ends,
        days=reply.days,
        only_known=reply.only_known,
    )


def may_answer(mailspace: int, address: str, *, rule: int = 0, days: int, at: int) -> bool:
    """Within a delivery's transaction: whether that sender gets an answer now, which is then noted."""
    lately = Replied.objects.filter(mailspace_id=mailspace, at__gt=at - DAY)
    if lately[:MOST_A_DAY].count() >= MOST_A_DAY:
        return False
    row, made = Replied.objects.get_or_create(
        mailspace_id=mailspace, rule=rule, address=address[:320], defaults={"at": at}
    )
    if made:
        return True
    if row.at > at - days * DAY:
        return False
    row.at = at
    row.save(update_fields=["at"])
    return True


def forget_answered() -> int:
    """Forget who was answered longer ago than any reply remembers; the beat does so."""
    return Replied.objects.filter(at__lt=now_us() - LONGEST * DAY).delete()[0]
