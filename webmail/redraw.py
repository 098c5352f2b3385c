"""Drawing a picture anew: what a stranger's server sent is decoded here and written again, so that a reader's browser
gets plain pixels and nothing else: no comments, places, profiles, no second format inside, no script.

Bounded before anything is decoded: bytes by the caller, pixels and frames by what the header says. SVG is no picture
here, it is a program. Two at a time in a process; a large one takes some memory.
"""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from io import BytesIO
from itertools import islice

from PIL import Image, ImageOps, ImageSequence

MAX_PIXELS = 30_000_000  # of a still picture as it comes
MAX_SIDE = 2400  # as it is written again
MAX_FRAMES = 300
MAX_MOVING = 16_000_000  # pixels of all frames
FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "AVIF", "BMP", "ICO")
TYPES = {b"p": "image/png", b"j": "image/jpeg", b"g": "image/gif", b"w": "image/webp"}
_turns = threading.BoundedSemaphore(2)


class NoPicture(Exception):
    """The bytes are no picture that is shown here."""


@dataclass(frozen=True, slots=True)
class Picture:
    type: str
    data: bytes


def letter_of(kind: str) -> bytes:
    return next(letter for letter, each in TYPES.items() if each == kind)


def redrawn(data: bytes, *, side: int = MAX_SIDE) -> Picture:
    """The picture, written again with no more than `side` pixels to its longer side (an animation as it is);
    NoPicture when it is none, too large or broken."""
    with _turns:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(BytesIO(data), formats=FORMATS) as image:
                    return _written(image, data, side)
        except NoPicture:
            raise
        except Exception as trouble:  # decoders raise what they like: SyntaxError, struct.error, EOFError …
            raise NoPicture(f"{type(trouble).__name__}: {trouble}"[:200]) from trouble


def _written(image: Image.Image, data: bytes, side: int) -> Picture:
    width, height = image.size
    if width * height > MAX_PIXELS or not width or not height:
        raise NoPicture(f"{width}×{height} pixels")
    if image.format == "GIF" and _may_move(image, data):
        return _moving(image)
    kind = image.format
    if kind == "JPEG":
        image.draft("RGB", (side, side))  # decodes a large one at half or a quarter of its size
    still = ImageOps.exif_transpose(image)
    still.thumbnail((side, side))
    out = BytesIO()
    if kind == "JPEG":
        _bare(still.convert("RGB")).save(out, "JPEG", quality=86)
        return Picture("image/jpeg", out.getvalue())
    if kind in ("WEBP", "AVIF"):
        has_alpha = still.mode in ("RGBA", "LA", "PA") or "transparency" in still.info
        _bare(still.convert("RGBA" if has_alpha else "RGB")).save(out, "WEBP", quality=86)
        return Picture("image/webp", out.getvalue())
    if still.mode not in ("1", "L", "LA", "P", "RGB", "RGBA"):
        still = still.convert("RGBA")
    _bare(still).save(out, "PNG")
    return Picture("image/png", out.getvalue())


def _bare(image: Image.Image) -> Image.Image:
    """Without what came beside the pixels; encoders write some of it again of their own accord."""
    transparency = image.info.get("transparency")
    image.info = {} if transparency is None or image.mode == "RGBA" else {"transparency": transparency}
    return image


def _may_move(image: Image.Image, data: bytes) -> bool:
    """Whether all frames may be drawn. Counted by their marks (GIF89a, 23): going through them would cost what the
    sender likes."""
    frames = data.count(b"\x21\xf9\x04")
    return 1 < frames <= MAX_FRAMES and frames * image.width * image.height <= MAX_MOVING


def _moving(image: Image.Image) -> Picture:
    """An animation, frame by frame. Its own pace and number of rounds stay."""
    frames, pauses = [], []
    for frame in islice(ImageSequence.Iterator(image), MAX_FRAMES):
        pauses.append(max(20, int(frame.info.get("duration", 100) or 100)))
        frames.append(_bare(frame.convert("RGBA")))
    out = BytesIO()
    loop = {"loop": int(image.info["loop"])} if "loop" in image.info else {}
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=pauses, disposal=2, **loop)
    return Picture("image/gif", out.getvalue())
