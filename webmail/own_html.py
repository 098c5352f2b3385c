"""The writer's own part of a message: what the editor makes, as it is sent, and back again.

Reduced to what the editor can make, whatever was posted. Styles are ours and stand in the elements, because mail
programs know no style sheets; pictures are named by Content-ID when sent, by their address here in the editor. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import nh3
from django.urls import reverse
from django.utils.html import escape

from mta.mailstore.service import DraftFile, DraftInfo
from mta.message.text import html_to_text, shallow_html
from webmail.own_styles import NAMED, as_names, as_styles

SHOWN_PICTURES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
# What the editor makes, and nothing else. Styles are ours: mail programs know no style sheets.
_TAGS = {
    *"p br strong b em i u s strike del ul ol li blockquote a img code pre h1 h2 h3 hr sub sup span".split()
}
_DROPPED = {*"script style title head template noscript iframe object embed svg math textarea select".split()}
_INDENTED = "margin:0 0 0 .8ex;border-left:2px solid #ccc;padding-left:1ex"
_STYLES = {
    "p": {"style": "margin:0"},
    "ul": {"style": "margin:0;padding-left:1.6em"},
    "ol": {"style": "margin:0;padding-left:1.6em"},
    "blockquote": {"style": _INDENTED},
    "img": {"style": "max-width:100%;height:auto"},
}
_FILE_URL = re.compile(r"(?:^|/)files/(\d+)/?(?:$|[?#])")
_EMPTY_PARAGRAPH = re.compile(r"<p([^>]*)>(?:\s|&nbsp;)*</p>")


def mail_html(html: str, files: Sequence[DraftFile]) -> str:
    """The editor's HTML as it is sent: inline styles, pictures by Content-ID, nothing that could run or load."""
    names = {file.id: file.content_id for file in files if file.content_id}
    known = set(names.values())

    def attribute(tag: str, name: str, value: str) -> str | None:
        if tag == "img" and name == "src":
            found = _FILE_URL.search(value)
            content_id = names.get(int(found[1][:18])) if found else value.removeprefix("cid:")
            return f"cid:{content_id}" if content_id and content_id in known else None
        return value

    cleaned = nh3.clean(
        shallow_html(html, len(html)),
        tags=_TAGS,
        clean_content_tags=_DROPPED,
        attributes={"a": {"href"}, "img": {"src", "alt", "width", "height"}, "ol": {"start"}},
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        link_rel=None,
        tag_attribute_values=NAMED,
        set_tag_attribute_values=_STYLES,
    )
    cleaned = as_styles(re.sub(r"<img(?![^>]*\bsrc=)[^>]*>", "", cleaned))
    cleaned = _EMPTY_PARAGRAPH.sub(r"<p\1><br></p>", cleaned)
    return "" if not html_to_text(cleaned) and "<img" not in cleaned else f'<div dir="auto">{cleaned}</div>'


def editor_html(draft: DraftInfo) -> str:
    """The draft's own part as the editor takes it: pictures by their address here."""
    return for_editor(draft.fields.html or paragraphs(draft.fields.written), draft)


def for_editor(html: str, draft: DraftInfo | None = None) -> str:
    """Any HTML as the editor takes it: what it cannot make is left out, pictures are those of the draft."""
    files = draft.attachments if draft else ()
    urls = {file.content_id: file_url(draft.id, file.id) for file in files if draft and file.content_id}

    def attribute(tag: str, name: str, value: str) -> str | None:
        return urls.get(value.removeprefix("cid:")) if tag == "img" and name == "src" else value

    cleaned = nh3.clean(
        shallow_html(html, len(html)),
        tags=_TAGS,
        clean_content_tags=_DROPPED,
        attributes={
            "a": {"href"},
            "img": {"src", "alt", "width", "height"},
            "ol": {"start"},
            "span": {"style"},
            "p": {"style"},
        },
        attribute_filter=attribute,
        url_schemes={"http", "https", "mailto", "tel", "cid"},
        link_rel=None,
    )
    return re.sub(r"(<p[^>]*>)(?:\s|<br>)*</p>", r"\1</p>", as_names(cleaned))


def own_text(html: str) -> str:
    """The writer's part as plain text; a paragraph of the editor is a line, not a paragraph with space around."""
    html = re.sub(r"(<li[^>]*>)<p\b[^>]*>(.*?)</p>", r"\1\2", html)
    lines = re.sub(r"<(/?)p\b[^>]*>", r"<\1div>", html).replace("<div></div>", "<div><br></div>")
    return html_to_text(lines)


def paragraphs(text: str) -> str:
    """Plain text as the editor's HTML."""
    lines = text.replace("\r\n", "\n").rstrip("\n").split("\n")
    return "".join(f"<p>{escape(line)}</p>" for line in lines) if text.strip() else ""


def file_url(draft: int, file: int) -> str:
    return reverse("mail:compose-file", args=[draft, file])
