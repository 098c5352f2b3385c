"""Names of scripts and style sheets as they are sent: joined where they were collected, else each by itself.

`{% module "js/mail.js" %}` is the address of the file that holds this module. Style sheets between `{% one_sheet %}` and
`{% end_one_sheet %}` become one link. Never use `{% static %}` for a module that is joined: it would run twice.
"""

from __future__ import annotations

import re

from django import template
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template.base import NodeList, Parser, Token
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from webmail import joining
from webmail.static_files import JOINED

register = template.Library()


@register.simple_tag
def module(name: str) -> str:
    """The address of a module's file."""
    file = next(
        (f"js/{file}" for file, entries in JOINED.items() if name.removeprefix("js/") in entries), name
    )
    return static(file if file in _collected() else name)


@register.tag("one_sheet")
def one_sheet(parser: Parser, token: Token) -> template.Node:
    nodes = parser.parse(("end_one_sheet",))
    parser.delete_first_token()
    return _OneSheet(nodes)


class _OneSheet(template.Node):
    """Links to style sheets, or one link to all of them."""

    def __init__(self, nodes: NodeList) -> None:
        self.nodelist = nodes

    def render(self, context: template.Context) -> SafeString:
        links = self.nodelist.render(context)
        collected = _collected()
        if not collected:
            return links
        names = _names(links)
        joined = joining.sheet_name(names)
        return (
            format_html('<link rel="stylesheet" href="{}">', static(joined)) if joined in collected else links
        )


def _names(links: str) -> list[str]:
    """`css/app.css` of each address, which has a hash in it."""
    root = static("")
    found = re.findall(r'<link rel="stylesheet" href="([^"]+)"', links)
    return [re.sub(r"\.[0-9a-f]{12}\.css$", ".css", href.removeprefix(root)) for href in found]


def _collected() -> dict[str, str]:
    """Hashed names by name, where files were collected."""
    return getattr(staticfiles_storage, "hashed_files", {})
