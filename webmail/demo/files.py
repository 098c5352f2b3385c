"""Small real files for attachments, made by hand: PNG pictures, a PDF, CSV, a calendar invitation."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from datetime import datetime, timedelta


def png(width: int, height: int, colour: tuple[int, int, int], other: tuple[int, int, int]) -> bytes:
    """A picture of two colours that fade into each other, with a lighter sun."""
    rows = []
    for y in range(height):
        row = bytearray([0])
        for x in range(width):
            share = y / height
            sun = (x - width * 0.7) ** 2 + (y - height * 0.35) ** 2 < (height * 0.14) ** 2
            mixed = [round(a * (1 - share) + b * share) for a, b in zip(colour, other, strict=True)]
            row += bytes(min(255, value + 60) if sun else value for value in mixed)
        rows.append(bytes(row))
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(b"".join(rows), 9))
        + _chunk(b"IEND", b"")
    )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pdf(title: str, lines: list[str]) -> bytes:
    """A one-page PDF with a title and some lines of text."""

    def escape(text: str) -> str:
        return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")

    text = [f"BT /F1 20 Tf 60 770 Td ({escape(title)}) Tj ET"]
    text += [
        f"BT /F1 11 Tf 60 {735 - 18 * place} Td ({escape(line)}) Tj ET" for place, line in enumerate(lines)
    ]
    stream = "\n".join(text).encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        b" /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n" % len(stream) + stream + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, io.SEEK_END)
    offsets = []
    for number, content in enumerate(objects, 1):
        offsets.append(out.tell())
        out.write(b"%d 0 obj\n" % number + content + b"\nendobj\n")
    start = out.tell()
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1))
    out.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    out.write(b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))
    return out.getvalue()


def table(rows: list[list[str]]) -> bytes:
    """A CSV file."""
    return "\r\n".join(";".join(row) for row in rows).encode("utf-8")


def archive(files: dict[str, bytes]) -> bytes:
    """A zip file with fixed times, so that it is the same at every run."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            zipped.writestr(zipfile.ZipInfo(name, (2026, 1, 1, 0, 0, 0)), data)
    return out.getvalue()


def invitation(
    summary: str,
    start: datetime,
    organiser: str,
    guest: str,
    where: str,
    uid: str,
    *,
    method: str = "REQUEST",
    sequence: int = 0,
    organiser_name: str = "",
) -> bytes:
    """An iCalendar REQUEST or CANCEL of one hour (RFC 5546)."""

    def stamp(when: datetime) -> str:
        return when.strftime("%Y%m%dT%H%M%SZ")

    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Demonstration//EN",
        f"METHOD:{method}",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"SEQUENCE:{sequence}",
        f"DTSTAMP:{stamp(start - timedelta(days=3))}",
        f"DTSTART:{stamp(start)}",
        f"DTEND:{stamp(start + timedelta(hours=1))}",
        f"SUMMARY:{summary}",
        f"LOCATION:{where}",
        f'ORGANIZER;CN="{organiser_name or organiser}":mailto:{organiser}',
        f"ATTENDEE;RSVP=TRUE:mailto:{guest}",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ]
    return "\r\n".join(lines).encode()
