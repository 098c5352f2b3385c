"""What a person sets up once for everything they write: signatures, templates, and how each address looks.

HTML is reduced to what the editor can make before it is kept: a signature as it is sent, because it is appended to
messages as it is; a template as the editor takes it, because messages begin with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import nh3
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from hosting.errors import BadName
from hosting.models import Account
from hosting.names import address as mail_address
from mta.mailstore.service import DraftFile
from mta.message.text import shallow_html
from webmail import own_pictures
from webmail.models import IdentityLook, Signature, Template
from webmail.own_html import mail_html, paragraphs
from webmail.own_styles import NAMED, as_names

MOST = 100  # signatures, and templates, of one person
MOST_HTML = 100_000
_WRAP = '<div dir="auto">'
_TAGS = {*"p br strong b em i u s strike del ul ol li blockquote a code pre h1 h2 h3 hr sub sup span".split()}
_DROPPED = {*"script style title head template noscript iframe object embed svg math textarea select".split()}


class CannotKeep(Exception):
    """What was written cannot be kept; the text is a sentence, `field` what it is about."""

    def __init__(self, sentence: str, *, field: str = "name") -> None:
        super().__init__(sentence)
        self.field = field


def editor_form(html: str) -> str:
    """HTML as the editor takes it, from what it made or from what is sent."""
    return _editable(html, _TAGS)


def _editable(
    html: str, tags: set[str], attribute: Callable[[str, str, str], str | None] | None = None
) -> str:
    cleaned = nh3.clean(
        shallow_html(html[:MOST_HTML], MOST_HTML),
        tags=tags,
        clean_content_tags=_DROPPED,
        attributes={"a": {"href"}, "ol": {"start"}, "span": {"style"}, "p": {"style"}, "img": {"src", "alt"}},
        attribute_filter=attribute,
        tag_attribute_values=NAMED,
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
    )
    return as_names(cleaned)


def signature_form(account: Account, html: str) -> str:
    """A signature as the editor takes it, with its pictures at their addresses here."""
    files = own_pictures.as_files(account.pk, html)
    known = {own_pictures.address(file.id) for file in files}

    def attribute(tag: str, name: str, value: str) -> str | None:
        return value if (tag, name) != ("img", "src") or value in known else None

    cleaned = _editable(own_pictures.by_address(html, files), {*_TAGS, "img"}, attribute)
    return re.sub(r"<img(?![^>]*\bsrc=)[^>]*>", "", cleaned)


def sent_form(html: str, files: Sequence[DraftFile] = ()) -> str:
    """HTML as it is sent, without the element that a whole message stands in."""
    sent = mail_html(html[:MOST_HTML], files)
    return sent.removeprefix(_WRAP).removesuffix("</div>") if sent.startswith(_WRAP) else sent


def written(html: str | None, text: str) -> str:
    """What the editor sent, else what a plain box held."""
    return html if html is not None else paragraphs(text)


# --- signatures and templates --------------------------------------------------------------------------------
def signatures(account: Account) -> list[Signature]:
    return list(Signature.objects.filter(account=account).order_by("name"))


def templates(account: Account) -> list[Template]:
    return list(Template.objects.filter(account=account).order_by("name"))


def save_signature(account: Account, which: Signature | None, *, name: str, html: str) -> Signature:
    kept = which or Signature(account=account)
    files = own_pictures.as_files(account.pk, html)
    kept.name, kept.html = _name(name), sent_form(own_pictures.by_name(html, files), files)
    _save(kept, Signature.objects.filter(account=account).count() if which is None else 0)
    return kept


def save_template(
    account: Account, which: Template | None, *, name: str, subject: str, html: str
) -> Template:
    kept = which or Template(account=account)
    kept.name, kept.html = _name(name), editor_form(html)
    kept.subject = _line(subject)[:900]
    _save(kept, Template.objects.filter(account=account).count() if which is None else 0)
    return kept


def _save(kept: Signature | Template, there: int) -> None:
    if there >= MOST:
        raise CannotKeep(_("There are a hundred already. Remove one first."))
    try:
        with transaction.atomic():
            kept.save()
    except IntegrityError:
        raise CannotKeep(_("There is one of that name already.")) from None


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _name(text: str) -> str:
    name = _line(text)[:100]
    if not name:
        raise CannotKeep(_("Give it a name."))
    return name


# --- addresses -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Look:
    """What is asked for one address: where answers go, and the signatures by their ids (None: none)."""

    reply_to: str
    new: int | None
    answer: int | None


def looks(account: Account) -> dict[str, IdentityLook]:
    return {each.address: each for each in IdentityLook.objects.filter(account=account)}


def checked(address: str, look: Look, *, known: Collection[int]) -> Look:
    """The same with a canonical address; CannotKeep if it is none, or a signature is not theirs."""
    if any(each is not None and each not in known for each in (look.new, look.answer)):
        raise CannotKeep(_("There is no such signature."), field=address)
    if not look.reply_to.strip():
        return Look("", look.new, look.answer)
    try:
        return Look(mail_address(look.reply_to), look.new, look.answer)
    except BadName as error:
        raise CannotKeep(str(error), field=address) from None


def choose_first(account: Account, signature: Signature, addresses: Collection[str]) -> bool:
    """Whether this is their only signature: then it is chosen wherever none is, for new messages and answers."""
    if Signature.objects.filter(account=account).exclude(pk=signature.pk).exists():
        return False
    known = looks(account)
    asked = {
        address: Look(
            known[address].reply_to if address in known else "",
            signature.pk,
            signature.pk,
        )
        for address in addresses
    }
    save_looks(account, asked)
    return True


def save_looks(account: Account, asked: Mapping[str, Look]) -> None:
    """Keep how each address looks; what is as everywhere has no row."""
    with transaction.atomic():
        for address, look in asked.items():
            if look == Look("", None, None):
                IdentityLook.objects.filter(account=account, address=address).delete()
                continue
            values = {
                "reply_to": look.reply_to,
                "signature_new_id": look.new,
                "signature_answer_id": look.answer,
            }
            IdentityLook.objects.update_or_create(account=account, address=address, defaults=values)
