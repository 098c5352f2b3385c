"""Style sheets, scripts and icons: collected once by `prepare`, then served in front of Django.

WhiteNoise knows the files, their compressed forms and their headers; this hands them out on the event loop,
so that a page's twelve files never wait for, or keep, a thread that a page needs.
"""

import hashlib
import mimetypes
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.management.commands import collectstatic
from django.core.management import call_command
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

_CHUNK = 64 * 1024
_ALWAYS = [(b"x-content-type-options", b"nosniff"), (b"cross-origin-resource-policy", b"same-origin")]

mimetypes.add_type("text/javascript", ".mjs")


class StaticFiles:
    """ASGI: answers below STATIC_URL itself and passes everything else on."""

    def __init__(self, application: Application) -> None:
        self._application = application
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nothing collected yet: it serves files from where they lie
            self._files = WhiteNoiseMiddleware(_nowhere)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(settings.STATIC_URL):
            await self._application(scope, receive, send)
            return
        path = scope["path"]
        file = self._files.find_file(path) if self._files.autorefresh else self._files.files.get(path)
        if file is None or scope["method"] not in {"GET", "HEAD"}:
            await self._application(scope, receive, send)
            return
        response = file.get_response(scope["method"], _as_wsgi(scope["headers"]))
        headers = [(name.lower().encode(), str(value).encode()) for name, value in response.headers]
        await send(
            {"type": "http.response.start", "status": int(response.status), "headers": headers + _ALWAYS}
        )
        await _send_body(response.file, send)


def _as_wsgi(headers: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """WhiteNoise looks for `HTTP_ACCEPT_ENCODING` and the like."""
    return {
        "HTTP_" + name.decode("latin-1").upper().replace("-", "_"): value.decode("latin-1")
        for name, value in headers
    }


async def _send_body(file: Any, send: Send) -> None:
    try:
        while file is not None and (chunk := file.read(_CHUNK)):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    finally:
        if file is not None:
            file.close()
    await send({"type": "http.response.body", "body": b""})


def _nowhere(request: Any) -> Any:
    raise RuntimeError("the middleware is only asked for files")


class Storage(CompressedManifestStaticFilesStorage):
    """Names with the content's hash in them, also where one of our own modules imports another.

    Not in the scripts of packages: those name what they import in ways of their own.
    """

    patterns = (
        *CompressedManifestStaticFilesStorage.patterns,
        ("js/*.js", CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1]),
    )
    manifest_strict = False


def collect() -> bool:
    """Copy, name by content and compress all static files, unless that was done for these very files."""
    digest = hashlib.sha256()
    for finder in finders.get_finders():
        for path, storage in finder.list([]):
            digest.update(
                f"{path} {storage.size(path)} {storage.get_modified_time(path).timestamp()}\n".encode()
            )
    mark = settings.STATIC_ROOT / ".collected"
    if mark.exists() and mark.read_text() == digest.hexdigest():
        return False
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    command = collectstatic.Command()
    command.storage = Storage()
    call_command(command, interactive=False, verbosity=0)
    mark.write_text(digest.hexdigest())
    return True
