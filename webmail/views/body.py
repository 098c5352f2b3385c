"""The body of an HTML message, as the document of a frame.

Two walls: webmail.sanitize takes out what could run or load, and this document's own policy forbids all of it again:
no script, no form, no frame, no font, nothing from elsewhere; the sandbox holds even when the address is opened by
itself. `allow-same-origin` is there so that the page around can measure the document (see docs/decisions); without
`allow-scripts` nothing inside can use it.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language

from mta.mailstore import service as mailstore
from mta.message.tree import parse_tree, walk
from webmail.boxes import COMPOSE
from webmail.reading import MAX_EARLIER, Earlier, earlier, fold_html, read
from webmail.sanitize import Clean, clean, is_painted
from webmail.views.attachments import SAFE_PICTURES, inline_url
from webmail.visit import Visit, visiting

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
body{margin:0;font:15px/24px Inter,system-ui,sans-serif;overflow-wrap:break-word;padding-bottom:1px}
html.plain body{max-width:72ch}
html.painted body{padding:12px 16px 13px}
html.painted body:has(>table,>center,>div>table){padding:0 0 1px}
img{max-width:100%;height:auto}
@media(max-width:620px){html.painted table{max-width:100%!important}}
.held-back{display:inline-block;box-sizing:border-box;max-width:100%;padding:4px 8px;overflow:hidden;vertical-align:middle;border:1px dashed #7A827A;border-radius:4px;color:#5E6861;font:12px/16px Inter,system-ui,sans-serif}
pre{white-space:pre-wrap}table{font-size:inherit}
a{color:var(--accent)}p{margin:0 0 1em}body>:last-child{margin-bottom:0}
blockquote{margin:.5em 0;padding-left:16px;border-left:2px solid var(--line);color:var(--ink-2)}
details.trimmed>summary{display:inline-block;list-style:none;margin:8px 0 0;padding:0 8px;border-radius:99px;background:var(--sunk);color:var(--ink-3);font:700 10px/14px system-ui,sans-serif;letter-spacing:1px;cursor:pointer;user-select:none}
details.trimmed>summary::-webkit-details-marker{display:none}
details.trimmed[open]>summary{margin-bottom:12px}
"""


@visiting
def body(request: HttpRequest, visit: Visit, message: int) -> HttpResponse:
    """`?earlier=12.15` names messages whose text may be folded away when it is quoted; `?whole` shows all of it."""
    raw = mailstore.raw(visit.mailspace, message)
    reading = read(raw, whole="whole" in request.GET)
    html = fold_html(reading.html, _earlier(visit, request.GET.get("earlier", "")))
    found = clean_body(raw, message, html)
    theme = request.COOKIES.get("theme", "system")
    response = HttpResponse(
        document(
            found, painted=is_painted(reading.html), theme=theme if theme in ("light", "dark") else "system"
        )
    )
    response["Content-Security-Policy"] = POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Cache-Control"] = KEPT
    response["Vary"] = "Cookie"
    response["Referrer-Policy"] = "no-referrer"
    return response


def clean_body(raw: bytes, message: int, html: str) -> Clean:
    """The sanitised body; pictures inside the message point to our own pages."""
    pictures = {
        part.content_id: inline_url(message, part.content_id)
        for part in walk(parse_tree(raw))
        if part.content_id and part.content_type in SAFE_PICTURES
    }
    return clean(html, picture=lambda name: pictures.get(unquote(name).strip("<> ")), compose=COMPOSE)


def _earlier(visit: Visit, ids: str) -> Earlier:
    wanted = [int(each) for each in re.findall(r"\d{1,18}", ids)[:MAX_EARLIER]]
    return earlier(raw for _id, raw in mailstore.raws(visit.mailspace, wanted)) if wanted else Earlier()


def document(body: Clean, *, painted: bool, theme: str) -> str:
    """The frame's document. The mail's own rules come after ours and know nothing of the page around."""
    kind = "painted" if painted else "plain"
    return (
        f'<!doctype html><html lang="{get_language() or "en"}" class="{kind}" data-theme="{theme}"><head>'
        f'<meta charset="utf-8"><base target="_blank"><style>{STYLE}</style><style>{body.style}</style></head>'
        f'<body dir="auto">{body.html}</body></html>'
    )
