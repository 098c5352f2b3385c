"""Pages packed for the way: a list of fifty rows repeats itself and becomes a tenth.

Brotli at a low level packs better than gzip and in half of its time; gzip is for who does not take it. A secret and
what a stranger chose lie in the same page, so the length says nothing exact (BREACH): Django's gzip adds a random
length, and so does the comment at the end here.
"""

from __future__ import annotations

import re
import secrets
from typing import cast

import brotli
from django.http import HttpRequest, HttpResponse
from django.middleware.gzip import GZipMiddleware
from django.utils.cache import patch_vary_headers

QUALITY = 4
WORTH_IT = 200  # bytes
PADDING = 100
_TAKES_BROTLI = re.compile(r"\bbr\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))")
_gzip = GZipMiddleware(lambda request: HttpResponse())


def packed(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """A page of HTML, compressed as the browser takes it."""
    if len(response.content) < WORTH_IT or response.has_header("Content-Encoding"):
        return response
    if not _TAKES_BROTLI.search(request.headers.get("Accept-Encoding", "")):
        return cast(HttpResponse, _gzip.process_response(request, response))
    padding = b"<!--" + secrets.token_urlsafe(PADDING)[: secrets.randbelow(PADDING)].encode() + b"-->"
    response.content = brotli.compress(response.content + padding, quality=QUALITY)
    response.headers["Content-Encoding"] = "br"
    response.headers["Content-Length"] = str(len(response.content))
    patch_vary_headers(response, ("Accept-Encoding",))
    return response
