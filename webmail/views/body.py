"""The body of an HTML message, as the document of a frame.

Two walls: webmail.sanitize takes out what could run or load, and this document's own policy forbids all of it again:
no script, no form, no frame, no font, nothing from elsewhere; the sandbox holds even when the address is opened by
itself. `allow-same-origin` is there so that the page around can measure the document (see docs/decisions); without
`allow-scripts` nothing inside can use it. Outside pictures have addresses of ours (webmail.pictures), if at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import unquote

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import get_language

from mta.mailstore import service as mailstore
from mta.message.headers import decode_text, first
from mta.message.tree import parse_tree, walk
from webmail import tnef
from webmail.boxes import COMPOSE
from webmail.content import address_within, foreign, frame_ancestors
from webmail.highlight import mark_html
from webmail.highlight import read as read_marks
from webmail.pictures import address_of, rules_for, survey
from webmail.reading import MAX_EARLIER, Earlier, earlier, fold_html, read
from webmail.sanitize import Clean, clean, is_painted
from webmail.views.attachments import SAFE_PICTURES, inline_url
from webmail.visit import Visit

POLICY = (
    "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-same-origin allow-popups allow-popups-to-escape-sandbox"
)
KEPT = "private, max-age=3600"

# The same ink and paper as static/css/app.css; a frame cannot use the page's own style sheets.
STYLE = """
:root{color-scheme:light;--ink:#1D2420;--ink-2:#4F5952;--ink-3:#5E6861;--line:#DEDAD0;--sheet:#FFFEFB;--sunk:#EAE7DE;--accent:#1C6650}
html.plain[data-theme=dark]{color-scheme:dark;--ink:#E7EAE5;--ink-2:#AEB7B0;--ink-3:#99A39C;--line:#2C332F;--sheet:#1A1F1C;--sunk:#0E1110;--accent:#74C7A5}
@media(prefers-color-scheme:dark){html.plain[data-theme=system]{color-scheme:dark;--ink:#E7EAE5;--ink-2:#AEB7B0;--ink-3:#99A39C;--line:#2C332F;--sheet:#1A1F1C;--sunk:#0E1110;--accent:#74C7A5}}
html{background:var(--sheet);color:var(--ink);overflow-y:hidden;overflow-x:auto}
html.painted{background:#fff;color:#1D2420}
html.painted.dark{color-scheme:light;background:light-dark(#fff,#1A1F1C);color:light-dark(#1D2420,#E7EAE5);--accent:light-dark(#1C6650,#74C7A5);--ink-2:light-dark(#4F5952,#AEB7B0);--line:light-dark(#DEDAD0,#2C332F);--sunk:light-dark(#EAE7DE,#0E1110);--ink-3:light-dark(#5E6861,#99A39C)}
html.painted.dark[data-theme=dark]{color-scheme:dark}
@media(prefers-color-scheme:dark){html.painted.dark[data-theme=system]{color-scheme:dark}}
html.apart{overflow:auto}
body{margin:0;font:15px/1.6 Inter,system-ui,sans-serif;overflow-wrap:break-word;padding-bottom:1px}
html.plain body{max-width:72ch}
html.painted body{padding:12px 16px 13px;--room:calc(100vw - 32px)}
html.painted body:has(>center,>table[width="100%"],>div>table[width="100%"],>table[style*="width:100%"],>div>table[style*="width:100%"],>table:only-child):not(:has(>p,>div>p,>br)){padding:0 0 1px;--room:100vw}
img{max-width:100%;height:auto}
html.painted.dark img[alt]:not([alt=""]){background-color:light-dark(transparent,var(--plate,#F2F1EC))}
@media(max-width:620px){html.painted table{max-width:var(--room)!important}html.painted :is(img,.held-back){max-width:calc(var(--room) - 24px)!important}html.painted :is(td,td>a)>img:only-child:is([width="500"],[width="520"],[width="540"],[width="550"],[width="560"],[width="580"],[width="600"],[width="620"],[width="640"],[width="650"],[width="660"],[width="680"],[width="700"],[width="100%"]){width:0!important;min-width:100%!important}}
.held-back{display:inline-block;box-sizing:border-box;max-width:100%;padding:4px 8px;overflow:hidden;vertical-align:middle;border:1px dashed #7A827A;border-radius:4px;background:light-dark(#F5F3EC,#232A26);color:light-dark(#5E6861,#AEB7B0);font:12px/16px Inter,system-ui,sans-serif}
@layer ours{.leads-elsewhere{display:inline!important;visibility:visible!important;opacity:1!important;margin:0 4px!important;padding:0 6px!important;border:0!important;border-radius:4px!important;background:#F8ECCF!important;color:#6E4A00!important;font:500 12px/18px Inter,system-ui,sans-serif!important;letter-spacing:normal!important;text-indent:0!important;text-transform:none!important;text-decoration:none!important;float:none!important;width:auto!important;height:auto!important;max-width:none!important;max-height:none!important;zoom:1!important}}
pre{white-space:pre-wrap}table{font-size:inherit}
mark{background:#F8ECCF;color:#1D2420;box-shadow:inset 0 -2px 0 #A96B0B;border-radius:2px}
a{color:var(--accent)}p{margin:0 0 1em}body>:last-child{margin-bottom:0}
blockquote{margin:.5em 0;padding-left:16px;border-left:2px solid var(--line);color:var(--ink-2)}
details.trimmed>summary{display:inline-block;list-style:none;margin:8px 0 0;padding:0 8px;border-radius:99px;background:var(--sunk);color:var(--ink-3);font:700 10px/14px system-ui,sans-serif;letter-spacing:1px;cursor:pointer;user-select:none}
details.trimmed>summary::-webkit-details-marker{display:none}
details.trimmed[open]>summary{margin-bottom:12px}
"""


@foreign
def body(request: HttpRequest, visit: Visit, message: int) -> HttpResponse:
    """`?earlier=12.15` names messages whose text may be folded away when it is quoted; `?whole` shows all of it;
    `?pictures=` is the word for this time's outside pictures; `?dark=1` or `0` overrides the reader's preference;
    `?mark=` names words of a search."""
    raw = mailstore.raw(visit.mailspace, message)
    reading = read(raw, whole="whole" in request.GET)
    html = fold_html(reading.html, _earlier(visit, request.GET.get("earlier", "")))

    def picture(url: str) -> str:
        return address_within(request, visit, address_of(visit.account.pk, visit.mailspace, url))

    def within(address: str) -> str:
        return address_within(request, visit, address)

    found = clean_body(
        raw,
        message,
        html,
        outside=picture if _shows_pictures(request, visit, message, html) else None,
        dark=wants_dark(request, visit),
        within=within,
    )
    marks = read_marks(request.GET.getlist("mark"))
    found = replace(found, html=mark_html(found.html, marks))
    return framed(request, found, painted=is_painted(reading.html), dark=wants_dark(request, visit))


def _shows_pictures(request: HttpRequest, visit: Visit, message: int, html: str) -> bool:
    """Decided here again, whatever the address says: it only says which decision the browser has kept."""
    if not survey(html).count:
        return False
    rules = rules_for(visit, request.GET.get("pictures", ""))
    about = mailstore.message(visit.mailspace, message)
    return rules.shows(about)


def wants_dark(request: HttpRequest, visit: Visit) -> bool:
    said = request.GET.get("dark", "")
    return said == "1" if said in ("0", "1") else visit.preferences.dark_mail


def framed(
    request: HttpRequest, found: Clean, *, painted: bool, dark: bool = False, apart: bool = False
) -> HttpResponse:
    """The document of a frame with the policy that holds it; `apart`: nobody measures it, it scrolls by itself."""
    theme = request.COOKIES.get("theme", "system")
    text = document(
        found,
        painted=painted,
        theme=theme if theme in ("light", "dark") else "system",
        dark=dark,
        apart=apart or bool(settings.CONTENT_ORIGIN),
    )
    response = HttpResponse(text)
    response["Content-Security-Policy"] = POLICY.replace(
        "frame-ancestors 'self'", f"frame-ancestors {frame_ancestors()}"
    )
    if not settings.CONTENT_ORIGIN:
        response["X-Frame-Options"] = "SAMEORIGIN"
    response["Cache-Control"] = KEPT
    response["Vary"] = "Cookie"
    response["Referrer-Policy"] = "no-referrer"
    return response


def clean_body(
    raw: bytes,
    message: int,
    html: str,
    *,
    outside: Callable[[str], str] | None = None,
    dark: bool = False,
    within: Callable[[str], str] = str,
    inside: str = "",
) -> Clean:
    """The sanitised body; pictures inside the message point to our own pages. `inside` is the part of the message
    that `raw` is itself; `within` makes an address one that the document may name."""
    named = _pictures_inside(raw, message, inside)

    def picture(name: str) -> str | None:
        address = named.get(unquote(name).strip("<> "))
        return within(address) if address else None

    compose = COMPOSE if not settings.CONTENT_ORIGIN else f"{settings.PUBLIC_URL}{COMPOSE}"
    return clean(html, picture=picture, outside=outside, compose=compose, dark=dark)


def _pictures_inside(raw: bytes, message: int, inside: str) -> dict[str, str]:
    """The addresses of a message's own pictures, by Content-ID and by Content-Location (RFC 2557 §4.2)."""
    found: dict[str, str] = {}
    tree = parse_tree(raw)
    for part in walk(tree):
        if part.content_type not in SAFE_PICTURES:
            continue
        number = f"{inside}.{part.number}" if inside else part.number
        by_number = reverse("mail:attachment", args=[message, number, "picture"]) + "?inline"
        if part.content_id:
            found.setdefault(part.content_id, by_number if inside else inline_url(message, part.content_id))
        location = first(part.fields, "content-location")
        if location and len(location) < 1000:
            found.setdefault(decode_text(location).strip("<> "), by_number)
    for part in tnef.parts_of(tree):
        number = f"{inside}.{part.number}" if inside else part.number
        for place, file in enumerate(tnef.opened_part(raw, part).files, 1):
            if file.content_id and file.type in SAFE_PICTURES:
                address = reverse("mail:packed", args=[message, number, place, "picture"])
                found.setdefault(file.content_id, f"{address}?inline")
    return found


def _earlier(visit: Visit, ids: str) -> Earlier:
    wanted = [int(each) for each in re.findall(r"\d{1,18}", ids)[:MAX_EARLIER]]
    return earlier(raw for _id, raw in mailstore.raws(visit.mailspace, wanted)) if wanted else Earlier()


def document(body: Clean, *, painted: bool, theme: str, dark: bool = False, apart: bool = False) -> str:
    """The frame's document. The mail's own rules come after ours and know nothing of the page around."""
    kind = "painted" if painted else "plain"
    kind += (" dark" if dark and painted else "") + (" apart" if apart else "")
    return (
        f'<!doctype html><html lang="{get_language() or "en"}" class="{kind}" data-theme="{theme}"><head>'
        f'<meta charset="utf-8"><base target="_blank"><style>{STYLE}</style><style>{body.style}</style></head>'
        f'<body dir="auto">{body.html}</body></html>'
    )
