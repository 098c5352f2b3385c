"""Headers that every page carries. A view that needs another policy sets the header itself and is left alone."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

_NO_FEATURES = "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()"


def content_security_policy(content_origin: str = "") -> str:
    """No inline script, no inline style, nothing from elsewhere.

    Mail itself is shown in a sandboxed frame of our own origin (or of `CONTENT_ORIGIN`, which then also serves
    the pictures of messages) with a stricter policy that the view which serves it sets.
    """
    frames = f"'self' {content_origin}".strip()
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src {frames} data: blob:",
            "font-src 'self'",
            "connect-src 'self'",
            "manifest-src 'self'",
            "media-src 'self'",
            "worker-src 'self'",
            f"frame-src {frames}",
            "form-action 'self'",
            "base-uri 'none'",
            "object-src 'none'",
            "frame-ancestors 'none'",
        )
    )


class SecurityHeaders:
    """Middleware: adds what the answer does not say yet. Works for sync and async views without a thread hop."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self._policy = content_security_policy(settings.CONTENT_ORIGIN)
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        response = self.get_response(request)
        if inspect.isawaitable(response):
            return self._later(response)
        return self._dress(response)

    async def _later(self, response: Awaitable[HttpResponseBase]) -> HttpResponseBase:
        return self._dress(await response)

    def _dress(self, response: HttpResponseBase) -> HttpResponseBase:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", self._policy)
        headers.setdefault("Permissions-Policy", _NO_FEATURES)
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if response.status_code >= 400:  # what was asked for in vain is nobody else's to know
            headers.setdefault("Cache-Control", "private, no-store")
        if "frame-ancestors 'none'" in headers["Content-Security-Policy"]:
            headers.setdefault("X-Frame-Options", "DENY")
        return response
