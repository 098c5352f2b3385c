"""What attached files say is searched; what is no file, broken or endless says nothing and costs little."""

import io
import zipfile
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mta.message.attached import MAX_UNPACKED, _document_text
from mta.message.parse import parse_message, search_sections, search_text

WORD = (
    "<w:document><w:body><w:p><w:r><w:t>Quarter</w:t></w:r><w:r><w:t>ly</w:t></w:r></w:p>"
    "<w:p><w:r><w:t>figures &amp; forecasts</w:t></w:r></w:p></w:body></w:document>"
)


def zipped(**entries: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in entries.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), text)
    return made.getvalue()


def letter(*files: tuple[str, str, bytes]) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["Subject"] = "Files"
    message.set_content("See the files.")
    for name, kind, data in files:
        maintype, _, subtype = kind.partition("/")
        message.add_attachment(data, maintype=maintype, subtype=subtype, filename=name)
    return message.as_bytes()


def body(raw: bytes) -> str:
    found = search_sections(parse_message(raw).search_text)["body"]
    assert search_sections(search_text(raw))["body"] == found
    return found


def test_text_files_are_searched() -> None:
    assert "aubergine" in body(letter(("list.txt", "text/plain", b"one aubergine")))
    assert "<b>" not in body(letter(("page.html", "text/html", b"<b>aubergine</b>")))


@pytest.mark.parametrize("kind", ["application/octet-stream", "application/msword"])
def test_the_words_of_a_document_are_searched(kind: str) -> None:
    said = body(
        letter(("plan.docx", kind, zipped(word__document_xml=WORD, word__styles_xml="<w:t>hidden</w:t>")))
    )
    assert "Quarterly\nfigures & forecasts" in said
    assert "hidden" not in said


def test_an_attached_message_is_searched_in_its_plainest_form() -> None:
    inner = EmailMessage(policy=SMTP)
    inner["Subject"] = "Inner"
    inner.set_content("the secret aubergine")
    inner.add_alternative("<p>the other form</p>", subtype="html")
    message = EmailMessage(policy=SMTP)
    message.set_content("See below.")
    message.add_attachment(inner)
    assert "secret aubergine" in body(message.as_bytes())
    assert "other form" not in body(message.as_bytes())


def test_the_other_form_of_a_letter_is_not_searched_twice() -> None:
    message = EmailMessage(policy=SMTP)
    message.set_content("plain words")
    message.add_alternative("<p>painted words</p>", subtype="html")
    message.add_attachment(b"x", maintype="image", subtype="png", filename="x.png")
    assert "painted" not in body(message.as_bytes())


def test_a_document_that_unpacks_without_end_is_read_to_the_bound() -> None:
    bomb = zipped(word__document_xml="a" * (MAX_UNPACKED * 20))
    assert len(_document_text(bomb, "docx")) == MAX_UNPACKED


@given(st.binary(max_size=300), st.integers(0, 400))
def test_broken_documents_say_what_they_can(noise: bytes, at: int) -> None:
    whole = zipped(word__document_xml=WORD)
    _document_text(noise, "docx")
    _document_text(whole[:at] + noise + whole[at + len(noise) :], "docx")
