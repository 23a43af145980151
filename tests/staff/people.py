"""Members of staff for tests, and the codes that their authenticator apps would show."""

import base64
import hmac
import struct
import time
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client

from newsroom.models import StaffMember

PASSWORD = "a horse in the newsroom"


def make_member(username: str, *roles: str, **kwargs: Any) -> StaffMember:
    user = User.objects.create_user(username, f"{username}@meridian.example", PASSWORD, is_staff=True, **kwargs)
    user.groups.set(Group.objects.filter(name__in=roles))
    return StaffMember.objects.get(pk=user.pk)


def client_of(member: Any) -> Client:
    client = Client()
    client.force_login(User.objects.get(pk=member.pk))
    return client


def code_of(secret: str) -> str:
    """Return the six digits of RFC 6238 for this moment."""
    counter = struct.pack(">Q", int(time.time()) // 30)
    digest = hmac.digest(base64.b32decode(secret), counter, "sha1")
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


def log_in(client: Client, username: str, password: str = PASSWORD) -> Any:
    return client.post("/admin/account/login/", {"login": username, "password": password})
