"""The letters of a conversation that was opened from a search, with its words marked. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from django.utils.safestring import SafeString, mark_safe

from webmail.highlight import mark_html, mark_query
from webmail.letters import Content, Letter


def marked(letters: Iterable[Letter], marks: tuple[str, ...]) -> list[Letter]:
    """The same letters; in a text the words are marked here, in a frame by the address of its document."""
    if not marks:
        return list(letters)
    return [replace(letter, content=_marked(letter.content, marks)) for letter in letters]


def _marked(content: Content, marks: tuple[str, ...]) -> Content:
    frame = content.frame
    if frame:
        frame += ("&" if "?" in frame else "?") + mark_query(marks)
    return replace(
        content, frame=frame, text=_html(content.text, marks), trimmed=_html(content.trimmed, marks)
    )


def _html(text: SafeString | str, marks: tuple[str, ...]) -> SafeString | str:
    return mark_safe(mark_html(text, marks)) if text else text  # noqa: S308  # it was markup of ours before
