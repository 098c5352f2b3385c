"""How a message begins: empty, from a `mailto:`, as a reply, or as a forwarded message.

An `Opening` writes nothing, so a window that is closed untouched leaves nothing. Who is answered, from which address,
and in which chain of messages is decided here and nowhere else. Called by webmail.compose and its views.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, unquote

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from hosting.access import Sender
from mta import directory
from mta.mailstore import service as mailstore
from mta.mailstore.service import Attachment, ConversationMessage, Person
from mta.message import build
from mta.message.address import parse_addresses
from mta.message.headers import parse_header, split_message
from mta.message.tree import safe_filename
from webmail import quoting
from webmail.own_html import paragraphs
from webmail.people import MOST_PEOPLE, Pair, one_line, read_people
from webmail.templatetags.look import as_datetime, full_date
from webmail.views.attachments import SAFE_PICTURES

NEW, REPLY, REPLY_ALL, FORWARD, ATTACH = "new", "reply", "reply_all", "forward", "attach"
ANSWERS = (REPLY, REPLY_ALL, FORWARD)  # with the original under them
MODES = (NEW, *ANSWERS, ATTACH)
MAX_REFERENCES = 50


@dataclass(frozen=True, slots=True)
class Enclosed:
    """A message that goes along as a file."""

    message: int
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Opening:
    """A message as it begins. `files` are the attachments of a forwarded message that go along, `enclosed` whole
    messages; `missing` are the words that a template could not fill in."""

    mode: str
    parent: int | None
    sender: Sender
    to: tuple[Pair, ...] = ()
    cc: tuple[Pair, ...] = ()
    bcc: tuple[Pair, ...] = ()
    subject: str = ""
    html: str = ""
    files: tuple[Attachment, ...] = ()
    in_reply_to: str = ""
    references: tuple[str, ...] = ()
    enclosed: tuple[Enclosed, ...] = ()
    missing: tuple[str, ...] = ()


def open_new(senders: Sequence[Sender], mailto: str = "") -> Opening:
    """An empty message, or what a `mailto:` address asks for (RFC 6068 §2; nothing but people, subject and body)."""
    path, _mark, query = mailto.partition("?")
    values: dict[str, list[str]] = {"to": [unquote(path)] if path else []}
    for name, value in parse_qsl(query.replace("+", "%2B"), max_num_fields=50):
        values.setdefault(name.lower(), []).append(value)
    body = "\n".join(values.get("body", ()))[:20_000]
    return Opening(
        NEW,
        None,
        senders[0],
        to=read_people(", ".join(values["to"])),
        cc=read_people(", ".join(values.get("cc", ()))),
        bcc=read_people(", ".join(values.get("bcc", ()))),
        subject=one_line(values.get("subject", [""])[0]),
        html=paragraphs(body) if body else "",
    )


def open_enclosing(
    mailspace: int, messages: Sequence[ConversationMessage], senders: Sequence[Sender]
) -> Opening:
    """A new message with others in it as files."""
    if not messages:
        return Opening(NEW, None, senders[0])
    only = messages[0] if len(messages) == 1 else None
    return Opening(
        ATTACH,
        only.id if only else None,
        receiving_sender(messages[0], senders),
        subject=build.forward_subject(messages[0].subject),
        enclosed=tuple(Enclosed(each.id, file_name(each.subject), each.size) for each in messages),
    )


def file_name(subject: str) -> str:
    """What a forwarded message is called as a file."""
    return f"{safe_filename(subject.replace('/', '-').replace(chr(92), '-'))[:100] or 'message'}.eml"


def open_answer(
    mode: str, message: ConversationMessage, senders: Sequence[Sender], *, written_to: Sender | None = None
) -> Opening:
    """A reply to, or a forwarding of, a message of this mailspace; `written_to`: as whom, when that is known."""
    own = {sender.address.lower() for sender in senders}
    sender = written_to or receiving_sender(message, senders)
    own.add(sender.address.lower())
    if mode == FORWARD:
        return Opening(
            FORWARD,
            message.id,
            sender,
            subject=build.forward_subject(message.subject),
            files=tuple(file for file in message.attachments if not is_shown_inside(file)),
            references=chain(message),
        )
    to, cc = addressees(message, own, everyone=mode == REPLY_ALL)
    return Opening(
        mode,
        message.id,
        sender,
        to=to,
        cc=cc,
        subject=build.reply_subject(message.subject),
        in_reply_to=message.message_id,
        references=chain(message),
    )


def is_shown_inside(file: Attachment) -> bool:
    """Whether a file is a picture of the text, not a file of its own."""
    return file.inline and bool(file.content_id) and file.type in SAFE_PICTURES


def written_to(
    mailspace: int, account: int, message: ConversationMessage, senders: Sequence[Sender]
) -> Sender | None:
    """The address that brought the message here where the people in it do not say so: a blind copy, an address with
    a detail after a plus, whatever a catch-all took. Only one that they may write as."""
    known = {sender.address.lower() for sender in senders}
    named = (message.from_, *message.to, *message.cc, *message.bcc)
    if any(person.email.lower() in known for person in named):
        return None
    for address in (*(person.email for person in named), *_delivered_to(mailspace, message.id)):
        local, at, domain = address.lower().rpartition("@")
        bare = f"{local.partition('+')[0]}{at}{domain}"
        base = next((sender for sender in senders if sender.address.lower() in (address.lower(), bare)), None)
        if base is not None:
            return base if base.address.lower() == address.lower() else replace(base, address=address)
        if directory.current().may_send_as(account, address):
            return replace(senders[0], address=address, is_default=False)
    return None


def _delivered_to(mailspace: int, message: int) -> list[str]:
    """What the host that took the message in wrote on it; the newest line first."""
    for _id, data in mailstore.headers(mailspace, [message]):
        header_end, _body = split_message(data)
        fields = [each for each in parse_header(data[:header_end]) if each.name == "delivered-to"]
        return [each.email for field in fields[:3] for each in parse_addresses(field.value, 1) if each.domain]
    return []


def receiving_sender(message: ConversationMessage, senders: Sequence[Sender]) -> Sender:
    """The identity that the message was sent to (or, of an own message, from); else the default one."""
    by_address = {sender.address.lower(): sender for sender in senders}
    for person in (message.from_, *message.to, *message.cc, *message.bcc):
        if person.email.lower() in by_address:
            return by_address[person.email.lower()]
    return senders[0]


def addressees(
    message: ConversationMessage, own: set[str], *, everyone: bool
) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """(To, Cc) of a reply. An answer to oneself goes on to whom one wrote; no own address is added."""
    if message.from_.email.lower() in own:
        first = message.to or message.cc or (message.from_,)
        copies: Iterable[Person] = message.cc if everyone and message.to else ()
    else:
        first = message.reply_to or (message.from_,)
        copies = ()
        if everyone:
            first = (*first, *(person for person in message.to if person.email.lower() not in own))
            copies = (person for person in message.cc if person.email.lower() not in own)
    to = _each_once(first)
    taken = {email.lower() for _name, email in to}
    return to, tuple(pair for pair in _each_once(copies) if pair[1].lower() not in taken)


def _each_once(people: Iterable[Person]) -> tuple[Pair, ...]:
    found = {person.email.lower(): (person.name, person.email) for person in people if person.email}
    return tuple(found.values())[:MOST_PEOPLE]


def chain(message: ConversationMessage) -> tuple[str, ...]:
    """RFC 5322 §3.6.4: the parent's References, or else its In-Reply-To, and then its Message-ID."""
    before = message.references or ((message.in_reply_to,) if message.in_reply_to else ())
    found = tuple(dict.fromkeys((*before, message.message_id) if message.message_id else before))
    return found if len(found) <= MAX_REFERENCES else (found[0], *found[1 - MAX_REFERENCES :])


def quotation(mailspace: int, mode: str, message: ConversationMessage) -> quoting.Quotation:
    """The original, as it goes under the answer."""
    raw = mailstore.raw(mailspace, message.id)
    at = message.sent_at or message.internal_date
    if mode == FORWARD:
        head = [
            (_("From"), _written((message.from_,))),
            (_("Date"), full_date(at)),
            (_("Subject"), message.subject),
            (_("To"), _written(message.to)),
            (_("Cc"), _written(message.cc)),
        ]
        return quoting.quote_forward(raw, _("Forwarded message"), [line for line in head if line[1]])
    moment = as_datetime(at)
    day = formats.date_format(moment, pgettext("date format of an attribution", "j M Y")) if moment else ""
    name = message.from_.name or message.from_.email
    return quoting.quote_reply(raw, _("On %(date)s, %(name)s wrote:") % {"date": day, "name": name})


def _written(people: Iterable[Person]) -> str:
    return ", ".join(f"{each.name} <{each.email}>" if each.name else each.email for each in people)
