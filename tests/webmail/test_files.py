"""Attached files on the server: small pictures, drawn pages, texts, archives, the grid of all; and whose they are."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest
from PIL import Image

from mta.mailstore import service as mailstore
from tests.webmail.mail_world import Reader
from webmail import previews, zipping

pytestmark = pytest.mark.django_db


def letter(*files: tuple[str, str, bytes], subject: str = "Files") -> bytes:
    message = EmailMessage()
    message["From"], message["Subject"] = "Ada <ada@x.test>", subject
    message.set_content("See the files.")
    for name, kind, data in files:
        main, _, sub = kind.partition("/")
        message.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return message.as_bytes().replace(b"\n", b"\r\n")


def receive(ann: Reader, *files: tuple[str, str, bytes], subject: str = "Files") -> int:
    thread = ann.receive(raw=letter(*files, subject=subject))
    return mailstore.conversation(ann.space, thread).messages[0].id


def picture(width: int = 1200, height: int = 900, kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), (20, 120, 90)).save(out, kind)
    return out.getvalue()


def pdf(pages: int = 2) -> bytes:
    out = io.BytesIO()
    sheets = [Image.new("RGB", (300, 400), (200, 40 * n, 40)) for n in range(pages)]
    sheets[0].save(out, "PDF", save_all=True, append_images=sheets[1:])
    return out.getvalue()


@pytest.fixture(autouse=True)
def own_shelf(settings: pytest.FixtureRequest, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path  # type: ignore[attr-defined]


def test_a_picture_has_a_small_one_made_once(ann: Reader, tmp_path: Path) -> None:
    message = receive(ann, ("a.png", "image/png", picture()))
    response = ann.get(f"/mail/thumbnail/{message}/2/")
    assert response["Content-Type"] == "image/webp"
    assert Image.open(io.BytesIO(response.content)).size == (480, 360)
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in response["Content-Security-Policy"]
    kept = [path for path in (tmp_path / "previews").rglob("*") if path.is_file()]
    assert len(kept) == 1
    before = kept[0].stat().st_mtime_ns
    assert ann.get(f"/mail/thumbnail/{message}/2/").content == response.content
    assert kept[0].stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("a.png", "image/png", b"\x89PNG\r\n\x1a\n" + bytes(50)),
        ("bomb.png", "image/png", picture(12_000, 9_000)),
        ("a.pdf", "application/pdf", b"%PDF-1.7 nothing"),
        ("a.txt", "text/plain", b"x"),
        ("a.zip", "application/zip", b"PK"),
    ],
)
def test_what_cannot_be_drawn_is_not_found_and_shown_without_a_picture(
    ann: Reader, name: str, kind: str, data: bytes
) -> None:
    message = receive(ann, (name, kind, data))
    assert ann.get(f"/mail/thumbnail/{message}/2/").status_code == 404
    assert ann.get(f"/mail/preview/{message}/2/page/").status_code == 404
    assert ann.get(f"/mail/preview/{message}/2/").status_code == 200


def test_pages_of_a_pdf_are_pictures(ann: Reader) -> None:
    message = receive(ann, ("report.pdf", "application/pdf", pdf(3)))
    page = ann.page(f"/mail/preview/{message}/2/")
    assert page.count('class="preview-sheet"') == 3
    assert "<iframe" not in page
    assert "<embed" not in page
    second = ann.get(f"/mail/preview/{message}/2/page/?page=2")
    assert second["Content-Type"] == "image/jpeg"
    assert Image.open(io.BytesIO(second.content)).width == 1400
    assert ann.get(f"/mail/preview/{message}/2/page/?page=4").status_code == 404
    assert ann.get(f"/mail/preview/{message}/2/page/?page=999999999").status_code == 404
    assert ann.get(f"/mail/thumbnail/{message}/2/").status_code == 200


def test_the_program_that_draws_pages_has_nothing_and_no_time_without_end(
    ann: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "PATIENCE", 0.01)
    message = receive(ann, ("slow.pdf", "application/pdf", pdf()))
    assert "cannot be shown here" in ann.page(f"/mail/preview/{message}/2/")


def test_texts_are_texts(ann: Reader) -> None:
    message = receive(ann, ("page.html", "text/html", b"<script>alert(1)</script>"))
    page = ann.page(f"/mail/preview/{message}/2/")
    assert "&lt;script&gt;alert(1)" in page
    message = receive(ann, ("long.txt", "text/plain", b"word " * 60_000))
    assert "Only the beginning is shown" in ann.page(f"/mail/preview/{message}/2/")


@pytest.mark.parametrize(
    "name",
    [
        "setup.exe",
        "photo.jpg.SCR",
        "invoice.pdf.lnk",
        "a.exe ",
        "a.exe.",
        "cod\u202efdp.exe",
        "run.sh",
        "macro.docm",
        "x.app",
    ],
)
def test_programs_are_named_as_programs(name: str) -> None:
    assert previews.runs(name, "application/octet-stream")


@pytest.mark.parametrize("name", ["a.pdf", "exe", "a.docx", "a.zip", "letter.txt", "com.txt"])
def test_other_files_are_not(name: str) -> None:
    assert not previews.runs(name, "application/octet-stream")


def test_a_program_is_told_in_words_where_it_is_listed(ann: Reader) -> None:
    receive(ann, ("setup.exe", "application/octet-stream", b"MZ"))
    thread = mailstore.threads(ann.space, ann.role("inbox")).rows[0].thread
    assert "Can run a program on your computer" in ann.page(f"/mail/inbox/{thread}/")
    assert "Can run a program on your computer" in ann.page("/mail/files/")


def test_the_grid_lists_all_files_newest_first_by_kind_and_by_name(ann: Reader) -> None:
    receive(ann, ("old report.pdf", "application/pdf", b"%PDF"), subject="First")
    receive(ann, ("photo.png", "image/png", picture(60, 40)), ("new report.pdf", "application/pdf", b"%PDF"))
    page = ann.page("/mail/files/")
    assert page.index("photo.png") < page.index("old report.pdf")
    assert page.count('data-test="file"') == 3
    assert ann.page("/mail/files/?kind=image").count('data-test="file"') == 1
    assert ann.page("/mail/files/?kind=pdf&name=OLD").count('data-test="file"') == 1
    assert "No such file here." in ann.page("/mail/files/?name=nowhere")
    assert 'href="/mail/files/" data-nav="files"' in page.replace(' aria-current="page"', "")
    assert ann.get("/mail/files/?kind=%00&before=x&name=%FF").status_code == 200


def test_the_grid_goes_on_where_a_page_ends(ann: Reader) -> None:
    for number in range(62):
        receive(ann, (f"n{number}.txt", "text/plain", b"x"))
    page = ann.page("/mail/files/")
    assert "Older files" in page
    older = (
        page.partition('class="files-older"')[2]
        .partition('href="')[2]
        .partition('"')[0]
        .replace("&amp;", "&")
    )
    rest = ann.page(older)
    assert rest.count('data-test="file"') == 2
    assert "n0.txt" in rest


def test_the_grid_asks_the_same_of_the_database_however_many_files_there_are(
    ann: Reader, django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    def asked() -> int:
        with django_assert_max_num_queries(40) as context:  # type: ignore[operator]
            ann.page("/mail/files/")
        return len(context)

    receive(ann, ("a.txt", "text/plain", b"x"))
    few = asked()
    for number in range(12):
        receive(ann, (f"n{number}.txt", "text/plain", b"x"), ("b.png", "image/png", b"y"))
    assert asked() == few


def test_nobody_sees_the_files_of_somebody_else(ann: Reader, eve: Reader) -> None:
    message = receive(ann, ("secret plan.pdf", "application/pdf", pdf()))
    assert ann.get(f"/mail/thumbnail/{message}/2/").status_code == 200  # drawn, and on the shelf
    for address in (
        f"/mail/preview/{message}/2/",
        f"/mail/preview/{message}/2/page/",
        f"/mail/thumbnail/{message}/2/",
    ):
        assert eve.get(address).status_code == 404
    assert "secret plan" not in eve.page("/mail/files/")


def test_an_archive_is_made_piece_by_piece(ann: Reader) -> None:
    asked: list[int] = []

    def give(number: int) -> bytes:
        asked.append(number)
        return bytes([number]) * 1_000_000

    pieces = zipping.stream([(f"{number}.bin", lambda number=number: give(number)) for number in range(4)])  # type: ignore[misc]
    first = next(pieces)
    assert asked == [0]
    assert len(first) < 500_000
    with zipfile.ZipFile(io.BytesIO(first + b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert [each.file_size for each in archive.infolist()] == [1_000_000] * 4


@pytest.mark.parametrize(
    "name", ["../../x", "..\\x", "/etc/passwd", "C:\\x", "con.txt", "a\u202etxt.exe", "", ".", "a" * 400]
)
def test_names_in_archives_are_only_names(name: str) -> None:
    wanted = zipping.free_name(name, set())
    assert wanted
    assert len(wanted) <= 160
    assert not set(wanted) & set('/\\:*?"<>|\u202e')
    assert wanted.strip(". ") == wanted
    assert wanted.lower() != "con.txt"
