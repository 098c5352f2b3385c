"""How fast mail moves in from Google Takeout's mbox: `DATA_DIR=… python -m bench.takeout [COUNT]`.

An mbox of people-like mail in no order, with labels, read by the very chore that the page begins, into a new mailspace
of the installation that the environment names. Prints messages a second of wall clock and of processor time, with and
without the indexing of words that follows.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webmail.settings")
django.setup()

from bench.corpus import message  # noqa: E402 - Django must be set up first
from mta.archive import reading  # noqa: E402
from mta.archive.values import Wishes  # noqa: E402
from mta.mailstore import service as mailstore  # noqa: E402
from mta.values import Cause  # noqa: E402

LABELS = (
    "Inbox,Unread",
    "Inbox,Opened,Important",
    "Archived,Opened",
    "Sent,Opened",
    "Work,Work/Plans,Opened",
)
START = datetime(2016, 1, 1, tzinfo=UTC)


def pieces(count: int) -> Iterator[bytes]:
    order = list(range(count))
    random.Random(7).shuffle(order)  # noqa: S311 - the same every time
    for number in order:
        at = START + timedelta(minutes=5 * number)
        raw = message(number).replace(b"\r\n", b"\n")
        yield (
            b"From %d@xxx %s\nX-GM-THRID: %d\nX-Gmail-Labels: %s\n"
            % (
                number,
                at.strftime("%a %b %d %H:%M:%S +0000 %Y").encode(),
                number,
                LABELS[number % 5].encode(),
            )
            + raw.replace(b"\nFrom ", b"\n>From ")
            + b"\n\n"
        )


def main(count: int) -> None:
    with tempfile.NamedTemporaryFile(suffix=".mbox") as file:
        for piece in pieces(count):
            file.write(piece)
        file.flush()
        size = Path(file.name).stat().st_size
        space = mailstore.create_mailspace()
        wall, cpu = time.perf_counter(), time.process_time()
        tally = mailstore.import_letters(
            space,
            reading.read(Path(file.name), Wishes(newest_first=True)),
            cause=Cause("import", "bench"),
            terms=mailstore.Terms(most_new=500),
            report=lambda _broken: None,
            progress=lambda _tally: None,
        )
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    said = f"{tally.messages / wall:.0f}/s, {tally.messages / cpu:.0f}/s of one core"
    sys.stdout.write(f"{tally.messages} messages, {size / 1e6:.0f} MB: {said}\n")
    more = time.process_time()
    while mailstore.index_pending():
        pass
    whole = cpu + time.process_time() - more
    sys.stdout.write(f"with the words indexed: {tally.messages / whole:.0f}/s of one core\n")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
