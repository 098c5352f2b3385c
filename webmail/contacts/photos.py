"""Pictures of people: decoded, cut square and drawn anew, small. What came is never given to a browser."""

from __future__ import annotations

import warnings
from io import BytesIO

from PIL import Image, ImageOps

from webmail.redraw import FORMATS, MAX_PIXELS

MAX_FILE = 5_000_000
SIZE = 192
TYPE = "image/jpeg"


def redrawn(data: bytes) -> bytes:
    """A small square JPEG; nothing if that is no picture that we read."""
    if not data or len(data) > MAX_FILE:
        return b""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=FORMATS) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    return b""
                picture.draft("RGB", (SIZE * 2, SIZE * 2))
                turned = ImageOps.exif_transpose(picture).convert("RGBA")
        square = ImageOps.fit(turned, (SIZE, SIZE))
        paper = Image.new("RGB", square.size, "white")
        paper.paste(square, mask=square.getchannel("A"))
        written = BytesIO()
        paper.save(written, "JPEG", quality=85)
        return written.getvalue()
    except Exception:  # a decoder may raise anything for bytes that are meant to break it
        return b""
