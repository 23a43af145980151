"""The whole public site as files, for a host that runs nothing, a mirror, or a USB stick.

1. From the front pages, feeds, maps and every address those name, the copy walks along the links of each page.
2. A page belongs to the copy when it is the same for every reader. What needs the live site (search, giving, the forms)
   stays a link there.
3. A file is written only where its bytes differ. Each is noted in the folder's list before it is written, so that a
   later run knows what is its own, even after a run that was killed.
4. At the end the files that no page stands behind any more are removed: a withdrawn article leaves the copy.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from html import escape, unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.storage import default_storage
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve, reverse

from newsroom import registry
from newsroom.copied_links import LOC, Rewriter, file_of, under_mirror
from newsroom.feeds import FORMATS
from newsroom.models import Article, Author, FormerAddress, Section
from newsroom.views.errors import not_found

logger = logging.getLogger(__name__)

LIST = ".newsroom-copy"
# Pages that were made to see whether a link leads anywhere, and wait for their turn to be written.
WAITING_PAGES = 500


class CopyRefused(Exception):
    """The folder holds files that this command did not write."""


@dataclass
class Report:
    written: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    unchanged: int = 0


@dataclass(frozen=True)
class Made:
    """A page as the live site would answer it."""

    status: int
    content_type: str = ""
    body: bytes = b""
    leads_to: str = ""


def copy_site(
    folder: Path, *, at: datetime, mirror: str = "", progress: Callable[[int, int], None] = lambda done, known: None
) -> Report:
    """Bring the copy in `folder` up to date and return what that took. Raises CopyRefused.

    `mirror` is the address under which the copy will be read, where there is one: feeds and maps then carry it.
    `progress` is told how many addresses are done and how many are known so far.
    """
    return _Copy(folder, at=at, mirror=mirror.rstrip("/")).run(progress)


class _Copy:
    def __init__(self, folder: Path, *, at: datetime, mirror: str) -> None:
        self.folder = folder.resolve()
        self.at = at
        self.mirror = mirror
        self.report = Report()
        self.statuses: dict[str, int] = {}
        self.waiting: OrderedDict[str, Made] = OrderedDict()
        self.kept: set[str] = set()

    def run(self, progress: Callable[[int, int], None]) -> Report:
        self.listed = self._claim_folder()
        with (self.folder / LIST).open("a", encoding="utf-8") as self.list_file:
            todo = list(dict.fromkeys(self._beginnings()))
            known = set(todo)
            while todo:
                path = todo.pop()
                for found in self._copy(path):
                    if found not in known:
                        known.add(found)
                        todo.append(found)
                progress(len(known) - len(todo), len(known))
            self._copy_former_addresses()
            if self.mirror:
                self._copy_not_found()
        self._remove_the_rest()
        return self.report

    def _claim_folder(self) -> set[str]:
        """Return what former runs wrote, and mark the folder as a copy's before anything is written."""
        own = self.folder / LIST
        if own.exists():
            return set(own.read_text(encoding="utf-8").splitlines())
        if self.folder.exists() and any(self.folder.iterdir()):
            raise CopyRefused
        self.folder.mkdir(parents=True, exist_ok=True)
        own.touch()
        return set()

    def _beginnings(self) -> Iterator[str]:
        """Name the addresses that no page has to lead to."""
        for name in ("sitemap", "sitemap-places", "sitemap-news", "robots", "humans", "archive", "front"):
            yield reverse(name)
        for language, _name in settings.LANGUAGES:
            yield reverse("edition", args=[language])
        for kind in FORMATS:
            yield reverse("feed", args=[kind])
            for section in Section.objects.order_by("pk"):
                yield reverse("section-feed", args=[section.slug, kind])
            for author in Author.objects.order_by("pk"):
                yield reverse("author-feed", args=[author.slug, kind])
        for paths in registry.copied_paths:
            yield from paths()

    def _copy(self, path: str) -> list[str]:
        """Write the file of one address and return the addresses that it leads to."""
        made = self._make(path)
        if made.leads_to:
            self._write(path, _redirect_page(path, made.leads_to, is_copied=self.is_copied).encode())
            return [made.leads_to] if self.is_copied(made.leads_to) else []
        if made.status != 200:
            return []
        found: list[str] = []
        body = made.body
        if made.content_type.startswith("text/html"):
            links = Rewriter(path, is_copied=self.is_copied)
            body = links.html(body.decode()).encode()
            found = links.found
        elif made.content_type.startswith(("application/", "text/plain")):
            text = body.decode()
            if "<loc>" in text:
                addresses = (unescape(address) for address in LOC.findall(text))
                found = [one.removeprefix(settings.SITE_URL) for one in addresses if one.startswith(settings.SITE_URL)]
            if self.mirror:
                body = under_mirror(
                    text, content_type=made.content_type, mirror=self.mirror, is_copied=self.is_copied
                ).encode()
        self._write(path, body)
        return found

    def is_copied(self, path: str, has_query: bool = False) -> bool:
        """Tell whether `path` is a file of the copy. A page that heeds its query is more than one file could be."""
        if path.startswith((settings.STATIC_URL, settings.MEDIA_URL)):
            return self._has(path)
        view, name = _view_of(path)
        is_cached = getattr(view, "is_cached", False)
        return (is_cached or (name in registry.copied_pages and not has_query)) and self._has(path)

    def _has(self, path: str) -> bool:
        """Tell whether the copy has the file: it is made now, or it could not be and stays as it was."""
        status = self._status(path)
        return status == 200 or (status >= 500 and (self.folder / file_of(path)).is_file())

    def _status(self, path: str) -> int:
        if path not in self.statuses:
            made = self._make(path)
            self.waiting[path] = made
            if len(self.waiting) > WAITING_PAGES:
                self.waiting.popitem(last=False)
        return self.statuses[path]

    def _make(self, path: str) -> Made:
        made = self.waiting.pop(path, None) or _answer(path)
        # A redirect is a page of the copy too.
        self.statuses[path] = 200 if made.leads_to else made.status
        if made.status >= 500 and path not in self.report.failed:
            self.report.failed.append(path)
        return made

    def _copy_former_addresses(self) -> None:
        """Let each former address of a public article lead to the article, as the live site does."""
        addresses = FormerAddress.objects.filter(article__in=Article.objects.published(self.at))
        for path, slug in addresses.order_by("pk").values_list("path", "article__slug").iterator():
            if path.endswith(("/", ".html", ".htm")) and file_of(path) not in self.kept:
                page = _redirect_page(path, reverse("article", args=[slug]), is_copied=self.is_copied)
                self._write(path, page.encode())

    def _copy_not_found(self) -> None:
        """Write the page that most hosts show for an unknown address; its links hold at any depth."""
        page = not_found(_request("/404.html"))
        links = Rewriter("/404.html", is_copied=self.is_copied, base=self.mirror)
        self._write("/404.html", links.html(page.content.decode()).encode())  # type: ignore[attr-defined]

    def _write(self, path: str, body: bytes) -> None:
        name = file_of(path)
        file = (self.folder / name).resolve()
        if not file.is_relative_to(self.folder) or name == LIST:
            raise SuspiciousFileOperation(f"{path} leads out of the copy.")
        self.kept.add(name)
        if file.is_file() and file.stat().st_size == len(body) and file.read_bytes() == body:
            self.report.unchanged += 1
            return
        if name not in self.listed:
            self.listed.add(name)
            self.list_file.write(f"{name}\n")
            self.list_file.flush()
        file.parent.mkdir(parents=True, exist_ok=True)
        # Whoever reads the copy meanwhile, or after a cut in the power, finds a whole file.
        half = file.with_name(f"{file.name}.part")
        half.write_bytes(body)
        half.replace(file)
        self.report.written.append(name)

    def _remove_the_rest(self) -> None:
        """Remove what no page stands behind any more, and what a killed run left half written.

        Where pages failed, others may not have been reached through them. Then only what is surely gone is removed.
        """
        for name in sorted(self.listed - self.kept):
            path = f"/{name.removesuffix('index.html')}"
            if self.report.failed and _answer(path).status not in (404, 410):
                self.kept.add(name)
                continue
            self._remove(self.folder / name)
            self.report.removed.append(name)
        for name in self.listed:
            (self.folder / f"{name}.part").unlink(missing_ok=True)
        words = "".join(f"{name}\n" for name in sorted(self.kept))
        own = self.folder / LIST
        if own.read_text(encoding="utf-8") != words:
            own.write_text(words, encoding="utf-8")

    def _remove(self, file: Path) -> None:
        file.unlink(missing_ok=True)
        for parent in file.parents:
            if parent == self.folder or not parent.is_dir() or any(parent.iterdir()):
                break
            parent.rmdir()


def _view_of(path: str) -> tuple[object, str]:
    try:
        match = resolve(path)
    except Resolver404:
        return None, ""
    return match.func, match.view_name


def _request(path: str) -> HttpRequest:
    """Return what a reader without cookies asks the live site; the caches of pages are not in between."""
    request = HttpRequest()
    site = urlsplit(settings.SITE_URL)
    request.method = "GET"
    request.path = request.path_info = path
    request.META = {
        "REQUEST_METHOD": "GET",
        "HTTP_HOST": site.netloc,
        "SERVER_NAME": site.hostname or "",
        "SERVER_PORT": str(site.port or (443 if site.scheme == "https" else 80)),
        "wsgi.url_scheme": site.scheme,
    }
    return request


def _answer(path: str) -> Made:
    path = unquote(path)
    for prefix, read in ((settings.STATIC_URL, _static_file), (settings.MEDIA_URL, _media_file)):
        if path.startswith(prefix):
            body = read(path.removeprefix(prefix))
            return Made(404) if body is None else Made(200, body=body)
    request = _request(path)
    try:
        match = resolve(path)
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    except Http404:
        return Made(404)
    except Exception:
        # The live site would answer 500, and one page that cannot be made does not keep the others from the reader.
        logger.exception("A page could not be copied: %s", path)
        return Made(500)
    if "Location" in response.headers:
        return Made(response.status_code, leads_to=response.headers["Location"])
    return Made(response.status_code, response.headers.get("Content-Type", ""), getattr(response, "content", b""))


def _static_file(name: str) -> bytes | None:
    if staticfiles_storage.exists(name):
        with staticfiles_storage.open(name) as file:
            return file.read()
    found = finders.find(name)
    return Path(found).read_bytes() if found else None


def _media_file(name: str) -> bytes | None:
    if not default_storage.exists(name):
        return None
    with default_storage.open(name) as file:
        return file.read()


def _redirect_page(path: str, target: str, *, is_copied: Callable[[str, bool], bool]) -> str:
    """Return a page that leads on by itself, where no server can answer with a redirect."""
    address = escape(Rewriter(path, is_copied=is_copied).link(target))
    return (
        '<!doctype html>\n<meta charset="utf-8">\n<meta name="robots" content="noindex">\n'
        f'<meta http-equiv="refresh" content="0; url={address}">\n<title>→</title>\n<a href="{address}">→</a>\n'
    )
