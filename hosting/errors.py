"""What can go wrong in tenancy, as nouns. Each carries one sentence for a person and, if a form field
caused it, that field's name. The edge turns them into a form error, a 403, a 404 or a line on stderr.
"""

from __future__ import annotations


class HostingError(Exception):
    """Something the person asked for cannot be done; `str(error)` says what and what to do."""

    def __init__(self, sentence: str, *, field: str = "") -> None:
        super().__init__(sentence)
        self.field = field


class NameTaken(HostingError):
    """A domain, address, sign-in name or tenant name that exists already."""


class BadName(HostingError):
    """A domain name, address or other name that cannot be one."""


class BadPassword(HostingError):
    """A password that is too short, too common, or missing."""


class LimitReached(HostingError):
    """A pool of this tenant, or of one above it, has no room for this."""


class NotAllowed(HostingError):
    """The actor sees the object but may not do this to it."""


class NotFound(HostingError):
    """No such object, or none the actor may know of."""


class AlreadySetUp(HostingError):
    """The first administrator exists; set-up links are dead."""
