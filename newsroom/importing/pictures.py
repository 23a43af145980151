"""The pictures of an import: from a folder, or from the old site's own host and nowhere else."""

import io
import ipaddress
import socket
import urllib.error
import urllib.request
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from newsroom import images
from newsroom.importing.posts import Picture
from newsroom.models import Image
from newsroom.tasks import render_image
from newsroom.waking import wake

SECONDS = 20


class Missing(Exception):
    """A picture could not be had; the first argument says why."""


class _SameHost(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if _host(newurl) != _host(req.full_url) or urlsplit(newurl).scheme not in ("http", "https"):
            raise Missing("it leads to another host")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Pictures:
    """Where the pictures of one import come from.

    `site` is the old site's address. Where only the file says so (`is_trusted` is false), its host may not stand in a
    private network: an export is written by others, and must not make this machine ask its neighbours.
    """

    def __init__(self, *, site: str, folder: Path | None = None, is_trusted: bool = False) -> None:
        self.site = site
        self.folder = folder.resolve() if folder else None
        self.is_trusted = is_trusted
        self.missing: list[tuple[str, str]] = []
        self.stored = 0
        self._known: dict[str, Image | None] = {}
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _SameHost())

    def image(self, picture: Picture) -> Image | None:
        """Return the picture's row, made when there is none, or note why it is missing."""
        address = urljoin(f"{self.site}/", picture.address)
        if address not in self._known:
            try:
                self._known[address] = self._store(address, picture)
            except (Missing, images.ImageRefused) as refusal:
                self.missing.append((address, str(refusal.args[0])))
                self._known[address] = None
        return self._known[address]

    def _store(self, address: str, picture: Picture) -> Image:
        content = _from_folder(self.folder, address) if self.folder else self._from_site(address)
        image = images.store(
            images.clean_upload(io.BytesIO(content)), alt=picture.alt[:300], caption=picture.caption[:500]
        )
        if image.rendered_at is None:
            wake(render_image, image.pk)
        self.stored += 1
        return image

    def _from_site(self, address: str) -> bytes:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or _host(address) != _host(self.site):
            raise Missing("it stands on another host")
        if not self.is_trusted and not _is_public(parts.hostname or "", parts.port or 443):
            raise Missing("its host is not on the public network")
        try:
            with self._opener.open(address, timeout=SECONDS) as answer:
                content = answer.read(images.MAX_BYTES + 1)
        except (urllib.error.URLError, HTTPException, OSError, ValueError) as error:
            raise Missing(f"the site did not give it ({getattr(error, 'code', type(error).__name__)})") from None
        if len(content) > images.MAX_BYTES:
            raise Missing("it is too large")
        return content


def _from_folder(folder: Path, address: str) -> bytes:
    """Look for the address's end in the folder: the whole `wp-content/uploads`, or any part of it, may be there."""
    parts = unquote(urlsplit(address).path).strip("/").split("/")
    for start in range(len(parts)):
        file = folder.joinpath(*parts[start:]).resolve()
        if file.is_relative_to(folder) and file.is_file():
            if file.stat().st_size > images.MAX_BYTES:
                raise Missing("it is too large")
            return file.read_bytes()
    raise Missing("the folder does not hold it")


def _host(address: str) -> str:
    return urlsplit(address).netloc.lower().removeprefix("www.")


def _is_public(host: str, port: int) -> bool:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return bool(found) and all(ipaddress.ip_address(one[4][0]).is_global for one in found)
