"""The maildrop as a session sees it: numbered at sign-in, with marks for deletion (RFC 1939 §3, §5).

Columns instead of one value per message, since an Inbox may hold a million; lists come out in pieces. Pure: knows
numbers, UIDs, ids and sizes, never a message's bytes. Filled by `serve.maildrop`, used by the engine.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence

LINES_AT_ONCE = 1000
LONGEST_ID = 70  # RFC 1939 §7: one to 70 characters from 0x21 to 0x7E


class Maildrop:
    """Messages in their order. `messages` are ids; `named` says which of them have another unique id."""

    __slots__ = ("_deleted", "_named", "count", "messages", "octets", "sizes", "uids")

    def __init__(
        self,
        uids: Sequence[int] = (),
        messages: Sequence[int] = (),
        sizes: Sequence[int] = (),
        *,
        named: Mapping[int, str] | None = None,
    ) -> None:
        self.uids, self.messages, self.sizes = array("Q", uids), array("Q", messages), array("Q", sizes)
        self._named = named or {}
        self._deleted: set[int] = set()  # numbers
        self.count, self.octets = len(self.uids), sum(self.sizes)

    def __len__(self) -> int:
        """How many there were at sign-in."""
        return len(self.uids)

    def __contains__(self, number: int) -> bool:
        return 1 <= number <= len(self.uids) and number not in self._deleted

    def size(self, number: int) -> int:
        return self.sizes[number - 1]

    def unique_id(self, number: int) -> str:
        message = self.messages[number - 1]
        return self._named.get(message) or str(message)

    def delete(self, number: int) -> None:
        self._deleted.add(number)
        self.count -= 1
        self.octets -= self.size(number)

    def restore(self) -> None:
        self.count += len(self._deleted)
        self.octets += sum(map(self.size, self._deleted))
        self._deleted.clear()

    def deleted_uids(self) -> tuple[int, ...]:
        return tuple(self.uids[number - 1] for number in sorted(self._deleted))

    def following(self, number: int) -> Iterator[int]:
        """This number and those after it that are still there."""
        return (each for each in range(number, len(self.uids) + 1) if each not in self._deleted)

    def sizes_listed(self) -> Iterator[bytes]:
        """The lines of LIST."""
        for start, end in self._pieces():
            sizes = enumerate(self.sizes[start:end], start + 1)
            if not self._deleted:
                yield b"".join([b"%d %d\r\n" % pair for pair in sizes])
            else:
                yield b"".join([b"%d %d\r\n" % pair for pair in sizes if pair[0] not in self._deleted])

    def ids_listed(self) -> Iterator[bytes]:
        """The lines of UIDL."""
        named, gone = self._named, self._deleted
        for start, end in self._pieces():
            ids = enumerate(self.messages[start:end], start + 1)
            yield "".join(
                [f"{number} {named.get(id_) or id_}\r\n" for number, id_ in ids if number not in gone]
            ).encode()

    def _pieces(self) -> Iterator[tuple[int, int]]:
        for start in range(0, len(self.uids), LINES_AT_ONCE):
            yield start, min(start + LINES_AT_ONCE, len(self.uids))


def unique_ids(messages: Sequence[int], imported: Mapping[int, str]) -> dict[int, str]:
    """Unique ids of the messages whose id is not theirs (RFC 1939 §7 UIDL).

    A message that was imported with its old server's id keeps that, so that clients do not fetch it again. Two
    of them with one id, or one that looks like the id of another message here, must still be told apart: a
    client that sees an id twice skips a message.
    """
    here = set(messages)
    named: dict[int, str] = {}
    taken: set[str] = set()
    for message in sorted(here & imported.keys()):
        name = imported[message]
        if not _can_be_sent(name) or name in taken:
            continue
        named[message] = name
        taken.add(name)
    for name in taken:
        # Letters of another server's may be digits only; ours gives way, since it has no past there.
        if name.isdigit() and len(name) <= 19 and name == str(int(name)) and int(name) in here:
            named.setdefault(int(name), f"{name}.{name}")
    return named


def _can_be_sent(name: str) -> bool:
    return 0 < len(name) <= LONGEST_ID and all("!" <= letter <= "~" for letter in name)
