"""The messages of a conversation as a reader sees them: which are open, what each says, how its sending went.

Takes the store's values and the messages' bytes; gives `Letter`s for templates/webmail/letter.html. Reads through
the services only as much as is shown: bytes of open messages, and of those a quotation is looked for in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlencode

from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from mta.mailstore import service as mailstore
from mta.mailstore.service import Conversation, ConversationMessage, Person
from mta.message.tree import find, parse_tree
from mta.values import FLAGGED, SEEN
from webmail import evidence, heads, invitations, previews, receipts, tnef
from webmail.boxes import COMPOSE
from webmail.evidence import Known
from webmail.heads import Banner
from webmail.invitations import Card
from webmail.lookalike import Circle
from webmail.pictures import NOTHING_OUTSIDE, PictureChoice, PictureRules, survey
from webmail.plain import text_to_html
from webmail.reading import MAX_EARLIER, Earlier, Reading, earlier, fold_text, merged, read
from webmail.rows import attachment_url, short_name
from webmail.sanitize import has_form, is_painted
from webmail.sending_times import USUAL, Hours
from webmail.sendings import Sending, sendings_of
from webmail.unsubscribing import Offer, offer
from webmail.views.attachments import SAFE_PICTURES

MOST_OPEN = 24  # that open by themselves: more would make everybody wait for what nobody reads at once
FAR_FROM = 20
FOLD_FROM = 4  # closed messages in a row that are drawn as one
MAX_THUMBNAIL = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class FileCard:
    """An attached file."""

    name: str
    type: str
    size: int
    url: str
    thumbnail: str = ""
    preview: str = ""  # the page that shows it
    runs: bool = False  # opening it runs what its sender wrote


@dataclass(frozen=True, slots=True)
class Content:
    """What an open message shows below its head."""

    text: SafeString | str = ""
    trimmed: SafeString | str = ""
    frame: str = ""
    painted: bool = False
    pictures: PictureChoice = NOTHING_OUTSIDE
    form: bool = False  # it had one; what is shown has none
    darkens: bool = False  # its colours have dark twins
    clipped: str = ""  # the address that shows all of it
    note: str = ""
    sealed: bool = False  # encrypted, and the key is not here
    files: tuple[FileCard, ...] = ()
    all_files: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message in its conversation."""

    id: int
    thread: int
    open: bool
    unread: bool
    starred: bool
    own: bool
    name: str
    called: str  # in one line: "me", or the name
    address: str
    kind: str
    to: str
    at: int
    snippet: str
    subject: str
    node: str
    details: tuple[tuple[str, str], ...]
    draft: bool
    reply_all: bool
    ids: str = ""  # the message and its twins, which are acted on together
    trash: bool = False
    junk: bool = False
    list_name: str = ""
    leave: Offer | None = None
    receipt: receipts.Wish | None = None
    banners: tuple[Banner, ...] = ()
    card: Card | None = None
    sending: Sending | None = None
    face: str = ""  # where the picture of who wrote it lies here
    content: Content = field(default_factory=Content)


@dataclass(frozen=True, slots=True)
class Fold:
    """Closed messages that are drawn as one line with their number; a long run is drawn when it is asked for."""

    letters: tuple[Letter, ...]

    @property
    def is_far(self) -> bool:
        return len(self.letters) > FAR_FROM


def write_out(
    mailspace: int,
    conversation: Conversation,
    *,
    open_ids: frozenset[int],
    own: frozenset[str],
    trash: frozenset[int] = frozenset(),
    junk: frozenset[int] = frozenset(),
    circle: Callable[[], Circle] = Circle,
    pictures: Callable[[], PictureRules] = PictureRules.hold_all,
    dark: bool = False,
    hours: Hours = USUAL,
) -> list[Letter]:
    """The letters of a conversation, oldest first; those in `open_ids` with their content. `trash` and `junk` are the
    mailboxes that lie aside; `circle` gives whom the reader knows, asked only when somebody else's mail is open;
    `pictures` gives whose outside pictures they see, asked only when a mail has some."""
    messages = conversation.messages
    needed = _needed(messages, open_ids)
    raws = dict(mailstore.raws(mailspace, needed)) if needed else {}
    shelf = _Shelf(
        raws=raws,
        own=own,
        trash=trash,
        junk=junk,
        sendings=sendings_of(mailspace, _sent(messages), hours=hours),
        cards=_invitations(messages, raws, own),
        circle=circle()
        if any(each.id in open_ids and not each.own and each.draft is None for each in messages)
        else Circle(),
        pictures=pictures,
        dark=dark,
    )
    return [
        _letter(message, messages[:place], shelf, is_open=message.id in open_ids)
        for place, message in enumerate(messages)
    ]


@dataclass(frozen=True, slots=True)
class _Shelf:
    """What was read for all letters of a page together."""

    raws: dict[int, bytes]
    own: frozenset[str]
    trash: frozenset[int]
    junk: frozenset[int]
    sendings: dict[int, Sending]
    cards: dict[int, Card]
    circle: Circle
    pictures: Callable[[], PictureRules]
    dark: bool = False
    words: dict[int, Earlier] = field(default_factory=dict)

    def known(self, nearest: Sequence[ConversationMessage]) -> Earlier:
        """The words of some earlier messages, each read once."""
        for each in nearest:
            if each.id in self.raws and each.id not in self.words:
                self.words[each.id] = earlier((self.raws[each.id],))
        return merged([self.words[each.id] for each in nearest if each.id in self.words])


def _invitations(
    messages: Sequence[ConversationMessage], raws: dict[int, bytes], own: frozenset[str]
) -> dict[int, Card]:
    """The cards of those that invite; answers, changes and cancellations in the conversation count."""
    found = {
        message.id: event
        for message in messages
        if message.id in raws and (event := invitations.find(raws[message.id])) is not None
    }
    return invitations.cards(found, own, [message.id for message in messages]) if found else {}


def to_open(mailspace: int, messages: Sequence[ConversationMessage]) -> frozenset[int]:
    """Which messages stand open when a conversation is opened: the unread ones (the first two dozen of them), the
    last, the invitation that the last one answers, and own ones that did not reach everybody, so that where they are
    is seen at once. The report that says so once more in a postmaster's words stays one line."""
    unread = [message.id for message in messages if not message.flags & SEEN][:MOST_OPEN]
    lost = list(astray(mailspace, _sent(messages)))[:MOST_OPEN]
    answered = {each.in_reply_to for each in messages[-1:] if invitations.is_answer(each)} - {""}
    inviting = [each.id for each in messages if each.message_id in answered]
    told = {each.message_id for each in messages if each.id in lost}
    reports = {
        each.id for each in messages if each.automatic and not each.own and told.intersection(each.references)
    }
    return frozenset((*unread, *lost, *inviting, *(each.id for each in messages[-1:]))) - reports


def astray(mailspace: int, sent: Sequence[ConversationMessage]) -> dict[int, Sending]:
    """The sendings that wait or failed, by message id."""
    return {
        message: sending
        for message, sending in sendings_of(mailspace, sent).items()
        if sending.waiting or sending.state == "failed"
    }


def _sent(messages: Sequence[ConversationMessage]) -> list[ConversationMessage]:
    return [message for message in messages if message.own and message.draft is None]


def folded(letters: Sequence[Letter]) -> list[Letter | Fold]:
    """Four or more closed messages in a row become one line, but the first and the last of the conversation stay."""
    out: list[Letter | Fold] = []
    run: list[Letter] = []

    def settle() -> None:
        if len(run) >= FOLD_FROM:
            out.append(Fold(tuple(run)))
        else:
            out.extend(run)
        run.clear()

    for place, letter in enumerate(letters):
        if letter.open or place in (0, len(letters) - 1):
            settle()
            out.append(letter)
        else:
            run.append(letter)
    settle()
    return out


def _needed(messages: Sequence[ConversationMessage], open_ids: frozenset[int]) -> list[int]:
    """The messages whose bytes are read: the open ones and, for their quotations, the few before each; and if one of
    these invites, what else in the conversation may change or answer it."""
    needed: dict[int, None] = {}
    for place, message in enumerate(messages):
        if message.id in open_ids and message.draft is None:
            needed[message.id] = None
            needed.update((each.id, None) for each in messages[max(0, place - MAX_EARLIER) : place])
    inviting = [message.id for message in messages if invitations.has_invitation(message)]
    if any(message in open_ids for message in inviting):
        needed.update((message, None) for message in inviting[:MOST_OPEN])
    return list(needed)


def _letter(
    message: ConversationMessage, before: Sequence[ConversationMessage], shelf: _Shelf, *, is_open: bool
) -> Letter:
    unread = not message.flags & SEEN
    sending = shelf.sendings.get(message.id)
    node = (
        "draft" if message.draft is not None else sending.state if sending else "unread" if unread else "read"
    )
    others = {each.email.lower() for each in (*message.to, *message.cc, message.from_)} - shelf.own
    here = set(message.boxes)
    letter = Letter(
        id=message.id,
        thread=message.thread,
        open=is_open,
        unread=unread,
        starred=bool(message.flags & FLAGGED),
        own=message.own,
        name=message.from_.name,
        called=pgettext("the reader as a sender", "me")
        if message.own
        else message.from_.name or message.from_.email,
        address=message.from_.email,
        kind="list" if message.list_id else "person",
        to=recipients_text(message, shelf.own),
        at=message.sent_at if message.own and message.sent_at else message.internal_date,
        snippet=message.snippet,
        subject=message.subject,
        node=node,
        details=(),
        draft=message.draft is not None,
        reply_all=len(others) > 1,
        ids=" ".join(str(each) for each in (message.id, *message.also)),
        trash=bool(here) and here <= shelf.trash,
        junk=bool(here) and here <= shelf.junk,
        sending=sending,
        card=shelf.cards.get(message.id),
    )
    if not is_open:
        return letter
    raw = shelf.raws.get(message.id)
    known = evidence.known(message, raw) if raw is not None else Known()
    return replace(
        letter,
        details=heads.details(message, known),
        banners=(
            *heads.banners(message, known),
            *(
                Banner("danger" if each.danger else "warn", each.text, each.more)
                for each in shelf.circle.judge(message)
            ),
        ),
        leave=None if message.own or message.draft is not None else offer(known),
        receipt=receipts.wish(message, raw, in_spam=letter.junk) if raw is not None else None,
        list_name=message.list_id,
        content=_content(message, before, shelf) if raw is not None else Content(),
    )


def recipients_text(message: ConversationMessage, own: frozenset[str]) -> str:
    """`to me, Ben, cc Chris`"""

    def names(people: Sequence[Person]) -> str:
        shown = [
            pgettext("the reader among the recipients", "me")
            if each.email.lower() in own
            else short_name(each)
            for each in people[:6]
        ]
        return ", ".join(shown) + (", …" if len(people) > 6 else "")

    parts = []
    if message.to:
        parts.append(_("to %s") % names(message.to))
    if message.cc:
        parts.append(_("cc %s") % names(message.cc))
    if message.bcc:
        parts.append(_("bcc %s") % names(message.bcc))
    return ", ".join(parts) or _("to nobody named")


# --- content ------------------------------------------------------------------------------------------------
def _content(message: ConversationMessage, before: Sequence[ConversationMessage], shelf: _Shelf) -> Content:
    raw = shelf.raws[message.id]
    reading = read(raw)
    files = tuple(_cards(message, reading, raw))
    is_something = bool(files) or message.id in shelf.cards
    content = Content(
        files=files,
        all_files=reverse("mail:attachments", args=[message.id]) if len(files) > 1 else "",
        note=reading.note if reading.sealed or not is_something else "",
        sealed=reading.sealed,
        clipped=f"{reverse('mail:body', args=[message.id])}?whole=1" if reading.clipped else "",
    )
    nearest = before[-MAX_EARLIER:]
    if reading.html:
        query = {"earlier": ".".join(str(each.id) for each in nearest)} if nearest else {}
        painted = is_painted(reading.html)
        pictures = NOTHING_OUTSIDE
        if survey(reading.html).count:
            pictures = shelf.pictures().choice(message, reading.html)
        if painted and shelf.dark:
            query["dark"] = "1"
        query |= pictures.query
        return replace(
            content,
            frame=reverse("mail:body", args=[message.id]) + (f"?{urlencode(query)}" if query else ""),
            painted=painted,
            pictures=pictures,
            form=has_form(reading.html),
            darkens=painted and shelf.dark,
        )
    text, quotation = fold_text(reading.text, shelf.known(nearest))
    is_empty = not (text.strip() or quotation or is_something)
    return replace(
        content,
        note=content.note or (_("This message has no text.") if is_empty else ""),
        text=text_to_html(text.strip("\n"), compose=COMPOSE),
        trimmed=text_to_html(quotation, compose=COMPOSE) if quotation else "",
    )


def _cards(message: ConversationMessage, reading: Reading, raw: bytes) -> list[FileCard]:
    """Attached files; pictures that the text shows by itself are not listed again, and of Outlook's envelope
    (winmail.dat) what lies in it."""
    cards = []
    for file in message.attachments:
        if tnef.is_tnef(file.type, file.name) and (inside := _packed(message.id, raw, file.number)):
            cards += inside
            continue
        if file.content_id and any(
            f"cid:{name}" in reading.html for name in {file.content_id, quote(file.content_id, safe="")}
        ):
            continue
        about = (message.id, file.number, file.name, file.type, file.size)
        cards.append(
            FileCard(
                file.name or _("unnamed file"),
                file.type,
                file.size,
                attachment_url(message.id, file.number, file.name),
                previews.thumbnail_url(*about),
                previews.preview_url(*about),
                previews.runs(file.name, file.type),
            )
        )
    return cards


def _packed(message: int, raw: bytes, number: str) -> list[FileCard]:
    part = find(parse_tree(raw), number)
    files = tnef.opened_part(raw, part).files if part is not None else ()
    cards = []
    for place, file in enumerate(files, start=1):
        url = reverse("mail:packed", args=[message, number, place, file.name])
        small = file.type in SAFE_PICTURES and len(file.data) <= MAX_THUMBNAIL
        dangerous = previews.runs(file.name, file.type)
        cards.append(
            FileCard(
                file.name,
                file.type,
                len(file.data),
                url,
                f"{url}?inline" if small else "",
                runs=dangerous,
            )
        )
    return cards
