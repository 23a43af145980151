"""In which browsers a member of staff is logged in, and how all of that ends at once."""

import re
from datetime import datetime, timedelta

from django.contrib.auth.models import AbstractBaseUser
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from newsroom.models import StaffSession

# Where a session keeps its own row's key and when that row was last written.
NOTED = "staff_session"
# A row written at every request would be a write for every page.
WRITTEN_EVERY = timedelta(minutes=10)
# The program and the system in broad words, for the person to recognise; a full User-Agent is nearly a name.
PROGRAMS = ("Firefox", "Edg", "OPR", "Chrome", "Safari")
SYSTEMS = ("Android", "iPhone", "iPad", "Windows", "Mac OS", "Linux")
WRITTEN = {"Edg": "Edge", "OPR": "Opera", "Mac OS": "Mac"}


def note(request: HttpRequest, user: AbstractBaseUser, *, at: datetime) -> None:
    """Write down that the session of a request is in use, at most every ten minutes."""
    session = request.session
    noted = session.get(NOTED) or {}
    key = session.session_key or ""
    if not key or (noted.get("key") == key and at.timestamp() - noted["at"] < WRITTEN_EVERY.total_seconds()):
        return
    if before := noted.get("key"):
        # The key changes at log-in and with the password; the browser is the same.
        StaffSession.objects.filter(session_key=before).exclude(session_key=key).delete()
    browser = described(request.headers.get("User-Agent", ""))
    row = StaffSession(user_id=user.pk, session_key=key, browser=browser, started_at=at, last_seen_at=at)
    # One statement, which two requests of one page may well send at the same moment.
    StaffSession.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["session_key"],
        update_fields=["user", "browser", "last_seen_at"],
    )
    session[NOTED] = {"key": key, "at": at.timestamp()}


def described(user_agent: str) -> str:
    """Name a browser in broad words, such as `Firefox, Linux`."""
    found = [
        next((WRITTEN.get(name, name) for name in names if re.search(rf"\b{name}\b", user_agent)), "")
        for names in (PROGRAMS, SYSTEMS)
    ]
    return ", ".join(filter(None, found)) or "?"


@transaction.atomic
def end_all(user: AbstractBaseUser, *, except_key: str = "") -> int:
    """Log a person out everywhere, or everywhere but in one session, and return in how many browsers."""
    rows = StaffSession.objects.filter(user_id=user.pk).exclude(session_key=except_key)
    keys = list(rows.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    rows.delete()
    return len(keys)


def forget_ended(*, at: datetime | None = None) -> int:
    """Delete sessions that have run out, and what was noted of them."""
    at = at or timezone.now()
    Session.objects.filter(expire_date__lt=at).delete()
    gone = StaffSession.objects.exclude(session_key__in=Session.objects.values("session_key"))
    return gone.delete()[0]
