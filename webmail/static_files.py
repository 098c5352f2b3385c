"""Style sheets, scripts and icons: collected once by `prepare`, then served in front of Django.

WhiteNoise knows the files, their compressed forms and their headers; this hands them out on the event loop,
so that a page's files never wait for, or keep, a thread that a page needs. Collecting also joins them: the scripts
and the style sheets of a page are one request each (docs/decisions/011-first-visit.md).
"""

import hashlib
import logging
import mimetypes
import posixpath
import re
import warnings
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.management.commands import collectstatic
from django.core.management import call_command
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

from webmail import joining

logger = logging.getLogger(__name__)

# Joined file → the modules a page begins with; what these import comes along. Everything else is fetched when needed.
JOINED = {"ground.js": ["components.js"], "first.js": ["mail.js", "compose.js"]}

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
    """Names with a hash of the content in them, and few files instead of many (webmail.joining).

    Our own modules import each other in circles (what is fetched later imports what fetched it), so one hash of all
    of them is in the names of all. Packages' scripts name what they import in ways of their own and are left alone.
    """

    manifest_strict = False

    def post_process(
        self, paths: dict[str, Any], dry_run: bool = False, **options: Any
    ) -> Iterator[tuple[str, str, bool]]:
        ours = {name: _text(*paths[name]) for name in paths if posixpath.dirname(name) == "js"}
        others = {name: paths[name] for name in paths if name not in ours}
        if dry_run:
            return
        for name, text in _sheets(paths).items():
            self._write(name, text)
            others[name] = (self, name)
        named = self._modules({posixpath.basename(name): text for name, text in ours.items()})
        yield from super().post_process(others, dry_run, **options)
        self.hashed_files.update(named)
        self.save_manifest()
        for name, compressed in self.compress_files(set(named.values())):
            yield name, compressed, True

    def _modules(self, texts: dict[str, str]) -> dict[str, str]:
        """Write every module, and the joined ones; gives the hashed name of each."""
        made = joined_modules(texts)
        digest = hashlib.sha256(
            "\0".join(f"{name}\0{made[name]}" for name in sorted(made)).encode()
        ).hexdigest()
        hashed = {name: f"{name.removesuffix('.js')}.{digest[:12]}.js" for name in made}
        for name, text in made.items():
            linked = re.sub(
                r'(from |import |import\()"\./([\w.-]+\.js)"',
                lambda match: f'{match[1]}"./{hashed.get(match[2], match[2])}"',
                text,
            )
            self._write(f"js/{hashed[name]}", linked)
        return {f"js/{name}": f"js/{hashed[name]}" for name in made}

    def _write(self, name: str, text: str) -> None:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, "utf-8")


def joined_modules(texts: dict[str, str]) -> dict[str, str]:
    """Every module as it is sent, by name: joined files, and those that are fetched by themselves."""
    place: dict[str, str] = {}
    joined: dict[str, str] = {}
    try:
        for file, entries in JOINED.items():
            names = joining.in_order(entries, texts.__getitem__, without=place)
            place |= dict.fromkeys(names, file)
            joined[file] = joining.join_modules(names, texts.__getitem__, place)
    except (joining.CannotJoin, KeyError):
        logger.warning("The scripts are sent one by one: they cannot be joined", exc_info=True)
        return texts
    return {name: joining.point(text, place) for name, text in texts.items() if name not in place} | joined


def _sheets(paths: dict[str, Any]) -> dict[str, str]:
    """The style sheets that a page names together, each set in one file."""
    templates = {
        str(path.relative_to(folder)): path.read_text("utf-8")
        for folder in _template_folders()
        for path in folder.rglob("*.html")
    }
    made = {}
    for names in joining.style_sets(templates):
        try:
            made[joining.sheet_name(names)] = joining.join_sheets(_text(*paths[name]) for name in names)
        except (joining.CannotJoin, KeyError):
            logger.warning("The style sheets %s are sent one by one", ", ".join(names), exc_info=True)
    return made


def _template_folders() -> list[Path]:
    return [Path(folder) for folder in settings.TEMPLATES[0]["DIRS"]]  # type: ignore[attr-defined]


def _text(storage: Any, path: str) -> str:
    with storage.open(path) as file:
        return str(file.read().decode("utf-8"))


def collect() -> bool:
    """Copy, name by content and compress all static files, unless that was done for these very files."""
    digest = hashlib.sha256()
    for page in sorted(path for folder in _template_folders() for path in folder.rglob("*.html")):
        digest.update(
            f"{page} {page.stat().st_mtime}\n".encode()
        )  # they say which style sheets belong together
    digest.update(Path(__file__).read_bytes() + Path(joining.__file__).read_bytes())
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
