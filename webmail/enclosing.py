"""The files that a message begins with: pictures that the original shows, what a forwarded message carried, and
whole messages that are forwarded as files.

Called by webmail.compose when a draft begins, or becomes another kind of answer.
"""

from __future__ import annotations

from collections.abc import Sequence

from mta.mailstore import service as mailstore
from mta.mailstore.service import Attachment, ConversationMessage
from mta.message.tree import decoded, find, parse_tree
from mta.values import Cause
from webmail.answering import file_name, is_shown_inside

MOST_ENCLOSED = 100  # messages that go along as files


def attach_parts(
    mailspace: int,
    draft: int,
    about: ConversationMessage,
    *,
    pictures: Sequence[str],
    forwarded: bool,
    keep: Sequence[str] | None,
    cause: Cause,
) -> None:
    """The pictures that the original shows and, forwarded, its files (`keep`: those parts; None: all of them)."""
    have = {file.content_id for file in mailstore.draft(mailspace, draft).attachments}
    wanted: list[tuple[Attachment, bool]] = []
    for file in about.attachments:
        if file.content_id and file.content_id in pictures:
            if file.content_id not in have:
                wanted.append((file, True))
        elif forwarded and (is_shown_inside(file) or keep is None or file.number in keep):
            wanted.append((file, False))
    if not wanted:
        return
    raw = mailstore.raw(mailspace, about.id)
    tree = parse_tree(raw)
    for file, inside in wanted:
        part = find(tree, file.number)
        if part is None:
            continue
        data = raw[part.body_start : part.body_end] if file.type == "message/rfc822" else decoded(raw, part)
        mailstore.attach(
            mailspace,
            draft,
            file.name,
            file.type,
            data,
            content_id=file.content_id if inside else "",
            inline=inside,
            cause=cause,
        )


def attach_messages(mailspace: int, draft: int, messages: Sequence[int], *, cause: Cause) -> None:
    """Whole messages as files, byte for byte."""
    for id_ in messages[:MOST_ENCLOSED]:
        name = file_name(mailstore.message(mailspace, id_).subject)
        mailstore.attach(mailspace, draft, name, "message/rfc822", mailstore.raw(mailspace, id_), cause=cause)
