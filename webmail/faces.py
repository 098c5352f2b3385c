"""Pictures of people beside their mail: those of the address book, and the reader's own face.

One query for a page, whatever it shows. A picture is somebody's own choice, made here or in their address book: none is
ever asked for elsewhere, because that would tell others whose mail is read.
Called by the views of lists, conversations and compose.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from django.urls import reverse

from webmail.contacts import service as contacts
from webmail.letters import Letter
from webmail.rows import Row
from webmail.visit import Visit


def faces_of(visit: Visit, addresses: Iterable[str], *, own: Collection[str] = ()) -> dict[str, str]:
    """The addresses of pictures here, by mail address in lower case; `own` are the reader's besides the main one."""
    wanted = {address.lower() for address in addresses if address}
    found = {
        email: f"{reverse('mail:contact-photo', args=[contact])}?v={picture}"
        for email, (contact, picture) in contacts.photos_of(visit.mailspace, wanted).items()
    }
    if visit.face:
        found |= dict.fromkeys(wanted & {visit.address.lower(), *own}, visit.face)
    return found


def on_rows(visit: Visit, rows: Sequence[Row]) -> list[Row]:
    """Rows of a list with the pictures that there are."""
    found = faces_of(visit, (row.avatar.address for row in rows))
    return [
        replace(row, avatar=replace(row.avatar, picture=picture))
        if (picture := found.get(row.avatar.address.lower()))
        else row
        for row in rows
    ]


def on_letters(visit: Visit, letters: Sequence[Letter], own: Collection[str]) -> list[Letter]:
    """The letters of a conversation with the pictures that there are."""
    found = faces_of(visit, (letter.address for letter in letters), own=own)
    return (
        [replace(letter, face=found.get(letter.address.lower(), "")) for letter in letters]
        if found
        else list(letters)
    )
