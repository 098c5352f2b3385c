"""One page of a PDF as a picture: a program of its own, because whoever sends a letter chooses the file.

    pdf_pages.py PAGE WIDTH < file.pdf > answer

The answer is a line of JSON (`pages`, `width`, `height`) and a JPEG. PDFium is native code that reads hostile bytes:
here it runs in a process that may not write files, open others, start programs, or take more than so much memory and
time, and that knows no secret: nothing of the environment, of Django, or of the mailbox is in it. The library is built
without JavaScript and XFA. Called by webmail.previews; nothing here may import from the product.
"""

import io
import json
import resource
import sys

MAX_BYTES = 30 * 1024 * 1024
MAX_PIXELS = 6_000_000
MEMORY = 1024 * 1024 * 1024
SECONDS = 10


def main(page: int, width: int) -> None:
    import pypdfium2

    import_done()
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise SystemExit("too large")
    document = pypdfium2.PdfDocument(data)
    if not 0 <= page < len(document):
        raise SystemExit("no such page")
    one = document[page]
    across, down = one.get_size()
    if not (0 < across < 100_000 and 0 < down < 100_000):
        raise SystemExit("no size")
    scale = min(width / across, (MAX_PIXELS / (across * down)) ** 0.5)
    picture = one.render(scale=scale).to_pil().convert("RGB")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=85)
    about = {"pages": len(document), "width": picture.width, "height": picture.height}
    sys.stdout.buffer.write(json.dumps(about).encode() + b"\n" + out.getvalue())


def import_done() -> None:
    """From here on: no files, no programs, so much memory and time."""
    from PIL import Image

    Image.preinit()  # its writers are read now; later nothing can be opened
    for what, most in (
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        hard = resource.getrlimit(what)[1]
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
