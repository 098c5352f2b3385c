"""Reading safely in a real Chromium: pictures, links, forms, colours, messages in messages, the content host.

An installation of its own, because it may fetch pictures from loopback; the shop's pictures lie on a server here.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.eventually import eventually
from tests.product import Product
from tests.webmail.picture_server import PictureServer, png
from tests.webmail.test_mail_browser import put
from tests.webmail.test_tnef import WHOLE

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Frame, Page

PASSWORD = "a good long one"


@pytest.fixture(scope="module")
def shop() -> Iterator[PictureServer]:
    with PictureServer({"/harbour.png": png(300, 80), "/o.gif": png(1, 1)}) as server:
        yield server


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder = tmp_path_factory.mktemp("safe") / "data"
    with Product(folder, env={"ALLOW_PRIVATE_NETWORKS": "yes"}) as running:
        running.add_domain("example.test")
        yield running


class Reader:
    """A mailbox, a browser on it, and every address that the browser asked for."""

    def __init__(self, product: Product, page: Page) -> None:
        self.product, self.page = product, page
        self.address = f"reader-{secrets.token_hex(4)}@example.test"
        self.asked: list[str] = []
        self.said: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        product.add_account(self.address, PASSWORD)

    def receive(
        self, html: str, subject: str, *, sender: str = "Shop <news@shop.test>", **files: bytes
    ) -> None:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = sender, self.address, subject
        message.set_content("plain")
        message.add_alternative(html, subtype="html")
        for name, data in files.items():
            if name == "eml":
                inner = EmailMessage()
                inner["From"], inner["Subject"] = "Ben <ben@x.test>", "The inner one"
                inner.set_content(data.decode(), subtype="html")
                message.add_attachment(inner)
            else:
                message.add_attachment(
                    data, maintype="application", subtype="ms-tnef", filename="winmail.dat"
                )
        put(self.product, self.address, message.as_bytes(policy=SMTP))

    def sign_in(self) -> None:
        self.page.context.add_cookies([self.product.session(self.address)])
        self.page.goto(self.product.url)
        self.page.wait_for_url("**/mail/inbox/")

    def open(self, subject: str) -> Frame:
        self.page.goto(f"{self.product.url}/mail/inbox/")
        self.page.locator(f".row-subject:text-is('{subject}')").click()
        self.page.wait_for_selector("[data-test=message-subject]")
        return self.frame()

    def frame(self) -> Frame:
        element = self.page.wait_for_selector("iframe.message-frame")
        assert element
        found = element.content_frame()
        assert found
        found.wait_for_load_state()
        return found

    def check(self) -> None:
        """Nothing was asked of anybody but the product."""
        hosts = (self.product.url, self.product.env.get("CONTENT_ORIGIN") or self.product.url)
        assert [url for url in self.asked if not url.startswith((*hosts, "data:", "blob:", "about:"))] == []
        assert self.said == []


@pytest.fixture
def reader(host: Product, browser: Browser) -> Iterator[Reader]:
    context = browser.new_context(
        viewport={"width": 1440, "height": 900}, locale="en-GB", color_scheme="dark"
    )
    context.set_default_timeout(45_000)
    yield Reader(host, context.new_page())
    context.close()


def seen(frame: Frame, css: str) -> bool:
    return bool(frame.eval_on_selector(css, "picture => picture.complete && picture.naturalWidth > 1"))


def test_pictures_come_when_they_are_asked_for_through_this_host(reader: Reader, shop: PictureServer) -> None:
    """Held back with a count, "Show", "Always for …", trackers never, `cid:` always. Spec 6.9."""
    page, pictures = (
        reader.page,
        f'<img class=h src="{shop.url}/harbour.png" alt="The harbour" width=300 height=80>',
    )
    html = f'<p>News</p>{pictures}<img src="{shop.url}/o.gif" width=1 height=1>'
    reader.receive(html, "First")
    reader.receive(html, "Second")
    reader.sign_in()
    frame = reader.open("First")
    banner = page.locator("form.pictures")
    assert "Pictures held back, so the sender can't tell you read this." in banner.inner_text()
    assert "2 pictures, 1 of them only counts readers" in banner.inner_text()
    assert frame.locator("img").count() == 0
    assert frame.locator(".held-back").inner_text() == "The harbour"
    height = page.locator("iframe.message-frame").bounding_box()
    page.click("[data-test=show-pictures]")
    banner.wait_for(state="detached")
    page.frame_locator("iframe.message-frame").locator("img.h").wait_for()
    frame = reader.frame()
    frame.wait_for_function("document.querySelector('img.h')?.naturalWidth > 1")
    assert height
    assert shop.asked == ["/harbour.png"]
    assert not {"cookie", "referer"} & set(shop.heard[0])
    # The other message still asks; then the sender is believed for good, and its pictures are here already.
    reader.open("Second")
    page.click("[data-test=always-pictures]")
    banner.wait_for(state="detached")
    frame = reader.open("Second")
    assert page.locator("form.pictures").count() == 0
    assert (
        page.locator("[data-test=trackers]").inner_text()
        == "A picture that only counts readers was left out."
    )
    frame.wait_for_function("document.querySelector('img.h')?.naturalWidth > 1")
    assert shop.asked == ["/harbour.png"]
    reader.check()


def test_a_mail_is_shown_in_a_frame_that_fits_it_and_its_links_say_where_they_lead(reader: Reader) -> None:
    """Sandbox without script, height of the content, links, clipping; forms inert with a notice; nothing of the mail
    reaches the page. Spec 6.8, 13.3."""
    page = reader.page
    reader.receive(
        "<style>*{display:none!important;visibility:hidden!important}.x,p,a,div,html,body{display:block!important;"
        "visibility:visible!important} span{font-size:0!important;opacity:0!important} h1,.toolbar,.sheet-body{color:red}</style>"
        "<p style='color:#000'>Dear Ann</p><div class=x style='height:700px'>tall</div>"
        "<p><a id=l href='https://evil.test/x?utm_source=news&amp;id=1' title='bank.test'>https://bank.test/login</a></p>"
        "<form action='https://evil.test/f'><p>Password</p><input name=p><button>Sign in</button></form>",
        "Fits",
    )
    reader.receive(
        f"<table width=1500><tr><td>wide</td></tr></table>{'<p>long text</p>' * 12_000}", "Clipped"
    )
    reader.sign_in()
    frame = reader.open("Fits")
    page.wait_for_function("document.querySelector('iframe.message-frame').clientHeight > 700")
    box = page.locator("iframe.message-frame").bounding_box()
    assert box
    assert (
        abs(box["height"] - frame.evaluate("document.documentElement.getBoundingClientRect().height")) <= 20
    )
    sandbox = page.locator("iframe.message-frame").get_attribute("sandbox")
    assert sandbox == "allow-same-origin allow-popups allow-popups-to-escape-sandbox"
    assert frame.locator("form, input, button, script").count() == 0
    assert "This message contains a form." in page.locator(".message-content").inner_text()
    link = frame.locator("#l")
    assert link.get_attribute("href") == "https://evil.test/x?id=1"
    assert link.get_attribute("title") == "evil.test/x"
    assert (link.get_attribute("target"), link.get_attribute("rel")) == ("_blank", "noopener noreferrer")
    hint = frame.locator(".leads-elsewhere")  # the mail's own rules cannot hide it
    assert hint.inner_text() == "leads to evil.test"
    assert hint.evaluate("e => getComputedStyle(e).opacity + getComputedStyle(e).fontSize") == "112px"
    assert page.eval_on_selector("h1.subject", "e => getComputedStyle(e).color") != "rgb(255, 0, 0)"
    frame = reader.open("Clipped")
    assert page.locator("iframe.message-frame").evaluate(
        "f => f.contentDocument.documentElement.scrollWidth <= f.clientWidth + 20"
    )
    with page.context.expect_page() as opened:
        page.click(".clipped a")
    opened.value.wait_for_load_state()
    assert len(opened.value.content()) > 150_000
    reader.check()


CONTRAST = """all => {
    const light = (text) => {
        const parts = text.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255);
        const [r, g, b] = parts.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (e) => {
        for (let at = e; at; at = at.parentElement) {
            const colour = getComputedStyle(at).backgroundColor;
            if (!colour.startsWith("rgba")) return light(colour);
        }
        return 1;
    };
    return all.map((e) => [light(getComputedStyle(e).color), ground(e)].sort().reverse()).map(([a, b]) => (a + 0.05) / (b + 0.05));
}"""


def test_a_coloured_mail_stays_on_white_until_it_is_darkened_and_stays_readable(reader: Reader) -> None:
    """The dark theme does not recolour mail unless asked, and then every text keeps 4.5:1. Spec 2.12, 6.8."""
    page = reader.page
    reader.receive(
        "<style>.g{color:#777}</style><table bgcolor=white width=400><tr><td class=g>grey</td></tr><tr><td bgcolor='#ffe'>"
        "<font color=navy>navy</font></td></tr></table><p style='color:#fff;background:#2a6'>button</p><p style='color:#111'>"
        "ink <a href='https://a.test/'>link</a></p><p><img alt=on-paper src='data:image/png;base64,iVBORw0KGgo='></p>"
        "<div style='background:#102030'><img alt=on-dark src='data:image/png;base64,iVBORw0KGgo='></div>",
        "Colours",
    )
    reader.sign_in()
    frame = reader.open("Colours")
    paper = "getComputedStyle(document.documentElement).backgroundColor"
    assert frame.evaluate(paper) == "rgb(255, 255, 255)"
    page.click(".message-head [popovertarget^=more-]")
    page.click("[data-darken]")
    shown = "() => {const f = document.querySelector('iframe.message-frame').contentWindow; return f.document.body ? f.getComputedStyle(f.document.documentElement).backgroundColor : ''}"
    eventually(lambda: page.evaluate(shown) == "rgb(26, 31, 28)", "the paper is dark", within=5)
    ratios = reader.frame().eval_on_selector_all("td, font, p, a", CONTRAST)
    assert min(ratios) >= 4.5, ratios
    # A logo in black on nothing keeps a light ground, one that was made for a dark ground keeps that.
    plates = reader.frame().eval_on_selector_all(
        "img", "all => all.map(e => getComputedStyle(e).backgroundColor)"
    )
    assert plates == ["rgb(242, 241, 236)", "rgba(0, 0, 0, 0)"]
    page.click(".message-head [popovertarget^=more-]")
    page.click("[data-darken]")
    eventually(lambda: page.evaluate(shown) == "rgb(255, 255, 255)", "the paper is white", within=5)
    reader.check()


def test_messages_in_messages_and_outlooks_envelope_open_in_place(reader: Reader) -> None:
    """An attached message opens as a page, read only; winmail.dat is opened; what is downloaded cannot run. Spec 6.10, 13.4."""
    page = reader.page
    inner = b"<p>Inside</p><script>top.hit=1</script><img src='https://evil.test/x'><form action=//evil.test><input></form>"
    reader.receive("<p>Outer</p>", "With files", eml=inner, dat=WHOLE)
    reader.sign_in()
    reader.open("With files")
    plan = page.locator(".file-name", has_text="Plan für März.doc")
    answer = page.request.get(f"{reader.product.url}{plan.get_attribute('href')}")
    assert answer.body() == b"the plan"
    for address in page.eval_on_selector_all(".file-tools a[download]", "all => all.map(a => a.href)"):
        headers = page.request.get(address).headers
        assert headers["content-disposition"].startswith("attachment")
        assert headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in headers["content-security-policy"]
    address = page.locator(".file-name", has_text="The inner one").get_attribute("href")
    page.locator(".file-name", has_text="The inner one").click()
    page.wait_for_selector(".enclosed h1:has-text('The inner one')")
    frame = page.frame_locator(".enclosed iframe")
    assert frame.locator("body").inner_text().strip() == "Inside"
    assert page.evaluate("window.hit") is None
    assert "Pictures held back" in page.locator(".enclosed").inner_text()
    assert "This message contains a form." in page.locator(".enclosed").inner_text()
    page.goto(page.url.split("/mail/")[0] + str(address))
    assert page.frame_locator(".enclosed iframe").locator("body").inner_text().strip() == "Inside"
    page.click(".enclosed-from a")
    page.wait_for_selector("h1.subject:has-text('With files')")
    reader.check()


def test_a_content_host_shows_mail_without_cookies_and_the_app_refuses_to(
    tmp_path: Path, browser: Browser, shop: PictureServer
) -> None:
    """With CONTENT_ORIGIN, bodies, pictures and files come from there alone, by addresses that end. Spec 13.3, 13.4."""
    product = Product(tmp_path / "data", env={"ALLOW_PRIVATE_NETWORKS": "yes"})
    origin = product.env["CONTENT_ORIGIN"] = f"http://localhost:{product.ports['web']}"
    with product:
        product.add_domain("example.test")
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
        context.set_default_timeout(45_000)
        reader = Reader(product, context.new_page())
        reader.receive(
            f"<p>News</p><img class=h src='{shop.url}/harbour.png'><div style='height:3000px'>tall</div>",
            "Apart",
            dat=WHOLE,
        )
        reader.sign_in()
        page, sent = reader.page, []
        page.on("request", lambda request: sent.append(request) if request.url.startswith(origin) else None)
        frame = reader.open("Apart")
        assert frame.url.startswith(f"{origin}/content/")
        page.click("[data-test=show-pictures]")
        page.frame_locator("iframe.message-frame").locator("img.h").wait_for()
        frame = reader.frame()
        frame.wait_for_function("document.querySelector('img.h')?.naturalWidth > 1")
        assert frame.evaluate("document.documentElement.scrollHeight > innerHeight")  # it scrolls by itself
        box = page.locator("iframe.message-frame").bounding_box()
        assert box
        assert 190 <= box["height"] <= 720
        assert sent
        assert not any("cookie" in request.all_headers() for request in sent)
        assert context.cookies(origin) == []
        href = page.locator(".file-name").first.get_attribute("href")
        refused = page.request.get(f"{product.url}{href}", max_redirects=0)
        assert refused.status == 302
        assert refused.headers["location"].startswith(f"{origin}/content/")
        assert page.request.get(f"{product.url}{href}").body() == b"the plan"
        address = frame.url
        for wrong in (
            f"{origin}/", f"{origin}/mail/inbox/", f"{origin}{href}", address.replace("/mail/body/", "/mail/original/"),
            address.replace("/content/", "/content/x"), f"{address}&whole=1", f"{origin}/content/",
        ):  # fmt: skip
            with pytest.raises(HTTPError) as error:
                urlopen(wrong, timeout=10)
            assert error.value.code == 404, wrong
        with urlopen(address, timeout=10) as answer:
            assert answer.headers.get("Set-Cookie") is None
            assert f"frame-ancestors {product.url}" in answer.headers["Content-Security-Policy"]
        reader.check()
        context.close()
