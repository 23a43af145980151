"""The site as an onion service, where `ONION_URL` names one.

A connection to an onion address is encrypted to its end and arrives here as plain HTTP. So such a request is not sent
on to HTTPS, which would take the reader out of Tor's network, and its cookies are not marked as for HTTPS only.
"""

import base64
import hashlib
from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse

SCHEME = "wsgi.url_scheme"


def is_onion(request: HttpRequest) -> bool:
    return bool(settings.ONION_HOST) and request.META.get("HTTP_HOST", "").partition(":")[0] == settings.ONION_HOST


def is_onion_address(url: str) -> bool:
    """Tell whether `url` is the origin of an onion service, by the checksum that is a part of its name.

    A version 3 name is base32 of a key, two bytes of a checksum over it, and the version
    (https://spec.torproject.org/rend-spec/encoding-onion-addresses.html).
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").removesuffix(".onion")
    if parts.scheme not in ("http", "https") or parts.path or parts.query or len(host) != 56:
        return False
    if not (parts.hostname or "").endswith(".onion"):
        return False
    try:
        name = base64.b32decode(host.upper())
    except ValueError:
        return False
    key, checksum, version = name[:32], name[32:34], name[34:]
    return version == b"\x03" and hashlib.sha3_256(b".onion checksum" + key + version).digest()[:2] == checksum


class OnionMiddleware:
    """Let Django's SecurityMiddleware, which stands next, take an onion request for what it is: a secure one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_onion(request):
            request.META[SCHEME] = "https"
        return self.get_response(request)


class OnionLocationMiddleware:
    """Give an onion request its own scheme back, which the checks of forms compare, and tell others of the service."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if is_onion(request):
            request.META[SCHEME] = urlsplit(settings.ONION_URL).scheme
            response = self.get_response(request)
            for cookie in response.cookies.values():
                cookie["secure"] = ""
            return response
        response = self.get_response(request)
        is_page = response.headers.get("Content-Type", "").startswith("text/html")
        if settings.ONION_URL and is_page and not request.path.startswith("/admin/"):
            response.headers["Onion-Location"] = f"{settings.ONION_URL}{request.path}"
        return response
