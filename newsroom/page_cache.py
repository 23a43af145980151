"""Public pages kept as the bytes that are sent: headers, two compressions, and a time until which they are fresh.

A page is looked for in this process, then in Redis, and else rendered. It counts only for the site version it was made
from, so a change makes all of them stale at once. While one worker makes the successor of a stale page, the others go
on serving the stale one, and so does everyone when making it fails; after a withdrawal nobody does. Without Redis each
process keeps its own copies.
"""

import gzip
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache, lru_cache, wraps
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import brotli
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, QueryDict
from django.http.response import ResponseHeaders
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.http import http_date, parse_http_date_safe

from newsroom import furniture, page_counts, registry, site_version
from newsroom.models import Article
from newsroom.onion import is_onion
from newsroom.pages import P, View
from newsroom.site_version import Version

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

# No copy is served as fresh for longer, whatever happened to the message that it is stale.
LONGEST_AGE = 60.0
KEPT_IN_PROCESS = 1_000
KEPT_IN_REDIS_SECONDS = 600
# A worker that dies while it makes a page holds the others up for no longer than this.
LOCK_SECONDS = 5
WAIT_SECONDS = 1.0
STORABLE = (200, 410)


def cached(view: View[P]) -> View[P]:
    """Mark a page whose bytes depend on its path alone: never on the query, a cookie or who asks."""

    @wraps(view)
    def answer(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> Any:
        with furniture.room():
            response = view(request, *args, **kwargs)
        response.headers.setdefault("Cache-Control", "no-store")
        return response

    answer.is_cached = True  # type: ignore[attr-defined]
    return answer


@dataclass(frozen=True, eq=False)
class Kept:
    """One page as it is sent. `bodies` are by content coding, the plain one under the empty word."""

    version: Version
    fresh_until: float
    status: int
    headers: list[tuple[str, str]]
    fingerprint: str
    made_at: int
    bodies: dict[str, bytes]

    def pack(self) -> bytes:
        """Write the page as one line of JSON and the bodies one after another."""
        facts = asdict(self) | {"bodies": [(name, len(body)) for name, body in self.bodies.items()]}
        return json.dumps(facts).encode() + b"\n" + b"".join(self.bodies.values())

    @classmethod
    def unpack(cls, data: bytes) -> "Kept":
        line, _, rest = data.partition(b"\n")
        facts = json.loads(line)
        bodies, start = {}, 0
        for name, size in facts["bodies"]:
            bodies[name] = rest[start : start + size]
            start += size
        headers = [(name, value) for name, value in facts["headers"]]
        return cls(**{**facts, "version": Version(*facts["version"]), "headers": headers, "bodies": bodies})


class _Shelf:
    """The pages of the middleware that was built last. A process that serves builds it once."""

    kept: dict[str, Kept] = {}


_shelf = _Shelf()


class KeptPages:
    """The site under WSGI: hands out pages that are fresh in this process, and leaves all else to Django.

    To make a request of what needs none costs Django more than the whole answer: it looks after the connections to the
    database before and after. Whatever is not plain (HEAD, plain HTTP, an onion, a page or a version not known just
    now) goes the long way, whose middleware answers with the same bytes.
    """

    def __init__(self, django: "WSGIApplication") -> None:
        self.django = django
        self.https_only = settings.SECURE_SSL_REDIRECT
        self.https_header = settings.SECURE_PROXY_SSL_HEADER

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        kept = _shelf.kept.get(path)
        if kept is None or environ["REQUEST_METHOD"] != "GET" or not path.isascii() or not self._is_secure(environ):
            return self.django(environ, start_response)
        now = time.time()
        if kept.version != site_version.trusted() or kept.fresh_until <= now:
            return self.django(environ, start_response)
        page_counts.count("served")
        coding, age, is_known = _terms(environ, kept, now)
        status = HTTPStatus.NOT_MODIFIED if is_known else HTTPStatus(kept.status)
        start_response(f"{status.value} {status.phrase}", list(_headers(kept, coding, age, is_known).items()))
        return [] if is_known else [kept.bodies[coding]]

    def _is_secure(self, environ: "WSGIEnvironment") -> bool:
        if not self.https_only:
            return True
        name, secure = self.https_header or ("", "")
        return bool(name) and environ.get(name) == secure


class PageCacheMiddleware:
    """Answer cached pages before anything else runs: no session, no database, one read of Redis at most.

    It stands first, so what it keeps has every header that the others add.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.kept: dict[str, Kept] = {}
        _shelf.kept = self.kept
        self.making: set[str] = set()
        self.room = furniture.Room()
        self.lock = threading.Lock()
        self.others = ("/admin/", settings.STATIC_URL, settings.MEDIA_URL)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD") or (
            settings.SECURE_SSL_REDIRECT and not request.is_secure() and not is_onion(request)
        ):
            return self.get_response(request)
        path = request.path_info
        kept = self.kept.get(path)
        if kept is None and (path.startswith(self.others) or not _is_cached_view(path)):
            return self.get_response(request)
        page_counts.count("served")
        version = site_version.present()
        now = time.time()
        if kept is None or kept.version != version or kept.fresh_until <= now:
            made = self._find_or_make(request, path, kept, version, now)
            if isinstance(made, HttpResponse):
                return made
            kept = made
        return _answer(request, kept, now)

    def _find_or_make(
        self, request: HttpRequest, path: str, stale: Kept | None, version: Version, now: float
    ) -> Kept | HttpResponse:
        """Return the page from Redis, or make it, or return the stale one while another worker makes it."""
        key = f"newsroom:page:{_build()}:{version.epoch}.{version.number}:{path}"
        found = self._in_redis(key, path, now)
        if found is not None:
            return found
        if stale is not None and stale.version.epoch != version.epoch:
            stale = None
        if not self._claim(key, path):
            return stale or self._wait_for(key, path) or self._make(request, key, path, version)
        try:
            made = self._make(request, key, path, version)
        finally:
            self._release(key, path)
        failed = isinstance(made, HttpResponse) and made.status_code >= 500
        return stale if failed and stale is not None else made

    def _in_redis(self, key: str, path: str, now: float) -> Kept | None:
        data = site_version.ask_redis("get", key)
        if not data:
            return None
        kept = Kept.unpack(data)
        if kept.fresh_until <= now:
            return None
        self._keep(path, kept)
        return kept

    def _claim(self, key: str, path: str) -> bool:
        """Claim the making of a page, among this process's threads and then among all processes."""
        with self.lock:
            if path in self.making:
                return False
            self.making.add(path)
        claimed = site_version.ask_redis("set", f"{key}:lock", "1", nx=True, ex=LOCK_SECONDS)
        if claimed or site_version.redis_is_away():
            return True
        with self.lock:
            self.making.discard(path)
        return False

    def _release(self, key: str, path: str) -> None:
        with self.lock:
            self.making.discard(path)
        site_version.ask_redis("delete", f"{key}:lock")

    def _wait_for(self, key: str, path: str) -> Kept | None:
        """Wait a little for the worker that makes the page; after that the caller makes it too."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            time.sleep(0.025)
            found = self._in_redis(key, path, time.time())
            if found is not None:
                return found
            kept = self.kept.get(path)
            if kept is not None and kept.version == site_version.present() and kept.fresh_until > time.time():
                return kept
        return None

    def _make(self, request: HttpRequest, key: str, path: str, version: Version) -> Kept | HttpResponse:
        page_counts.count("made")
        _forget_the_reader(request)
        room = self._room(version)
        at = timezone.now()
        with furniture.room(room):
            response = self.get_response(request)
        if response.status_code not in STORABLE or response.streaming or response.cookies:
            return response
        kept = _keep_as_bytes(response, room=room, version=version, at=at)
        self._keep(path, kept)
        site_version.ask_redis("set", key, kept.pack(), ex=KEPT_IN_REDIS_SECONDS)
        return kept

    def _room(self, version: Version) -> furniture.Room:
        """Return what is at hand for this state of the site, or an empty room to read it into."""
        room = self.room
        if not room.serves(version, time.time()):
            room = self.room = furniture.open_room(version, find_boundary=_boundary)
        return room

    def _keep(self, path: str, kept: Kept) -> None:
        with self.lock:
            self.kept.pop(path, None)
            self.kept[path] = kept
            if len(self.kept) > KEPT_IN_PROCESS:
                del self.kept[next(iter(self.kept))]


def next_boundary(at: datetime) -> datetime | None:
    """Return the next time at which a page changes by the clock alone: a scheduled article, an appeal's end."""
    scheduled = (
        Article.objects.filter(status=Article.Status.SCHEDULED, published_at__gt=at)
        .order_by("published_at", "pk")
        .values_list("published_at", flat=True)
        .first()
    )
    times = [scheduled, *(boundary(at) for boundary in registry.page_boundaries)]
    return min((one for one in times if one is not None and one > at), default=None)


def _boundary() -> float | None:
    boundary = next_boundary(timezone.now())
    return None if boundary is None else boundary.timestamp()


def _is_cached_view(path: str) -> bool:
    try:
        return getattr(resolve(path).func, "is_cached", False)
    except Resolver404:
        return False


def _forget_the_reader(request: HttpRequest) -> None:
    """Take from the request what must not reach a page that everyone gets, the address it came by included."""
    site = urlsplit(settings.SITE_URL)
    request.META["HTTP_HOST"] = site.netloc
    request.META["wsgi.url_scheme"] = site.scheme
    if settings.SECURE_PROXY_SSL_HEADER:
        name, secure = settings.SECURE_PROXY_SSL_HEADER
        request.META[name] = secure if settings.USES_HTTPS else site.scheme
    request.method = request.META["REQUEST_METHOD"] = "GET"
    request.META["QUERY_STRING"] = ""
    request.GET = QueryDict("")
    request.META.pop("HTTP_COOKIE", None)
    request.COOKIES = {}


def _keep_as_bytes(response: HttpResponse, *, room: furniture.Room, version: Version, at: datetime) -> Kept:
    body = response.content
    fresh_until = room.opened_at + LONGEST_AGE
    if room.boundary is not None:
        fresh_until = min(fresh_until, room.boundary)
    dropped = {"cache-control", "content-length", "vary", "etag", "last-modified", "expires"}
    return Kept(
        version=version,
        fresh_until=fresh_until,
        status=response.status_code,
        headers=[(name, value) for name, value in response.items() if name.lower() not in dropped],
        fingerprint=hashlib.sha256(body).hexdigest()[:24],
        made_at=int(at.timestamp()),
        bodies={"": body, "gzip": gzip.compress(body, 9, mtime=0), "br": brotli.compress(body, quality=9)},
    )


def _answer(request: HttpRequest, kept: Kept, now: float) -> HttpResponse:
    coding, age, is_known = _terms(request.META, kept, now)
    response = HttpResponseNotModified() if is_known else HttpResponse(kept.bodies[coding], status=kept.status)
    # Shared by all answers of this second: nothing stands before this middleware that would change them.
    response.headers = _headers(kept, coding, age, is_known)
    return response


def _terms(environ: dict[str, Any], kept: Kept, now: float) -> tuple[str, int, bool]:
    """Return in which coding a client gets a page, for how many seconds it may keep it, and whether it has it."""
    # A stale page that is served while its successor is made must not be kept by anyone else.
    age = max(0, int(kept.fresh_until - now))
    return _coding(environ.get("HTTP_ACCEPT_ENCODING", "")), age, _is_known(environ, kept)


@lru_cache(maxsize=128)
def _headers(kept: Kept, coding: str, age: int, is_known: bool) -> ResponseHeaders:
    headers = ResponseHeaders({} if is_known else dict(kept.headers))
    if not is_known:
        headers["Content-Length"] = str(len(kept.bodies[coding]))
        if coding:
            headers["Content-Encoding"] = coding
    headers["Vary"] = "Accept-Encoding"
    headers["ETag"] = f'"{kept.fingerprint}{coding}"'
    headers["Last-Modified"] = http_date(kept.made_at)
    headers["Cache-Control"] = f"public, max-age={age}"
    return headers


# Browsers say it in a handful of ways.
@lru_cache(maxsize=128)
def _coding(accepted: str) -> str:
    """Choose the smallest body the client takes (RFC 9110, section 12.5.3)."""
    offers = {}
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        offers[name.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return next((coding for coding in ("br", "gzip") if offers.get(coding)), "")


def _is_known(environ: dict[str, Any], kept: Kept) -> bool:
    """Tell whether the client has these bytes already (RFC 9110, section 13.2.2)."""
    if kept.status != 200:
        return False
    etags = environ.get("HTTP_IF_NONE_MATCH")
    if etags is not None:
        return etags.strip() == "*" or kept.fingerprint in etags
    since = environ.get("HTTP_IF_MODIFIED_SINCE")
    if since is None:
        return False
    date = parse_http_date_safe(since)
    return date is not None and kept.made_at <= date


@cache
def _build() -> str:
    """Name the code and templates this process runs, so that a release never serves pages of the one before."""
    root = Path(settings.BASE_DIR)
    seen = hashlib.sha256()
    for folder in ("newsroom", "subscriptions", "donations", "templates", "static", "locale"):
        for file in sorted((root / folder).rglob("*")):
            if file.suffix in {".py", ".html", ".css", ".js", ".svg", ".mo"}:
                facts = file.stat()
                seen.update(f"{file}:{facts.st_size}:{facts.st_mtime_ns}".encode())
    return seen.hexdigest()[:12]
