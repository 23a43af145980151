"""Telling people what is wrong, once until it is well again: by mail and at a URL of the operator's."""

import logging
from datetime import datetime, timedelta
from typing import Any

import requests
from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from newsroom import registry
from newsroom.mail import queue_mail
from newsroom.models import Alarm
from newsroom.outlet import current_outlet
from newsroom.registry import Watch

logger = logging.getLogger(__name__)

# What comes and goes within this time is one alarm and not many.
CALM = timedelta(minutes=5)
# Seconds for the connection, and for each wait for bytes of the answer.
TIMEOUT = (3.0, 5.0)
# Longer than one call to the URL may take.
LEASE = timedelta(seconds=30)
# What the URL was not told within a day is told to nobody there any more; the mail told it.
POSTED_WITHIN = timedelta(days=1)
KEPT = timedelta(days=90)


def look(*, at: datetime) -> None:
    """Look at everything that may go wrong, tell what began or ended, and then say that this ran.

    1. Each watch is asked, and one that fails keeps no other from it. 2. What began or ended is written down together
    with its mail. 3. The operator's URL is told what it was not told yet. 4. The dead man's URL is asked.
    """
    for watch in registry.watches:
        try:
            detail = watch.look(at)
        except Exception:
            logger.exception("The alarm %s could not be looked at.", watch.name)
            continue
        if detail:
            _ring(watch, detail[:300], at)
        else:
            _calm(watch, at)
    if settings.ALARM_URL:
        for pk in _to_post(at):
            _post(pk, at)
    if settings.DEAD_MAN_URL:
        _say_alive()


def watch_of(alarm: Alarm) -> Watch | None:
    """Return what rang an alarm, unless this version no longer looks at it."""
    return next((watch for watch in registry.watches if watch.name == alarm.name), None)


def forget_old(*, at: datetime) -> int:
    """Delete alarms that ended three months ago, and return how many there were."""
    deleted, _by_model = Alarm.objects.filter(ended_at__lt=at - KEPT).delete()
    return deleted


def _ring(watch: Watch, detail: str, at: datetime) -> None:
    """Write that something is wrong; the first time with a mail. Of two workers one does it."""
    if Alarm.objects.ringing().filter(name=watch.name).update(detail=detail, seen_at=at):
        return
    try:
        with transaction.atomic():
            alarm = Alarm.objects.create(name=watch.name, detail=detail, began_at=at, seen_at=at)
            _mail(alarm, watch, at=at)
    except IntegrityError:
        logger.info("Another worker rang the alarm %s.", watch.name)


def _calm(watch: Watch, at: datetime) -> None:
    with transaction.atomic():
        ringing = Alarm.objects.ringing().select_for_update().filter(name=watch.name).first()
        if ringing is None or (ringing.seen_at or ringing.began_at) > at - CALM:
            return
        ringing.ended_at = at
        ringing.save(update_fields=["ended_at"])
        _mail(ringing, watch, at=at)


def _mail(alarm: Alarm, watch: Watch, *, at: datetime) -> None:
    outlet = current_outlet()
    with translation.override(outlet.language):
        words = _words(alarm, watch)
    queue_mail(
        key=f"alarm:{alarm.pk}:{words['state']}",
        template="notice",
        to=settings.ALARM_ADDRESS or outlet.contact_email,
        context={"title": words["title"], "words": words["text"], "url": words["url"]},
        language=outlet.language,
        at=at,
    )


def _words(alarm: Alarm, watch: Watch) -> dict[str, str]:
    """Return what people are told, in the language that is active."""
    url = settings.SITE_URL + reverse(watch.place) if watch.place else ""
    if alarm.ended_at is not None:
        title = _("Well again: %(alarm)s") % {"alarm": watch.title}
        return {
            "state": "ended",
            "title": title,
            "text": _("It was: %(detail)s") % {"detail": alarm.detail},
            "url": url,
        }
    text = f"{alarm.detail}\n\n{watch.what_to_do}"
    return {"state": "ringing", "title": str(watch.title), "text": text, "url": url}


def _to_post(at: datetime) -> list[int]:
    waiting = Alarm.objects.to_post(at).filter(began_at__gt=at - POSTED_WITHIN)
    return list(waiting.order_by("began_at", "pk").values_list("pk", flat=True)[:20])


def _post(pk: int, at: datetime) -> None:
    """Tell the operator's URL of one alarm: its beginning, and once that was told, its end.

    The claim is a conditional UPDATE, so that two workers do not tell it twice. What fails is told a minute later.
    """
    watches = {watch.name: watch for watch in registry.watches}
    claimed = Alarm.objects.to_post(at).filter(pk=pk).update(posting_until=at + LEASE)
    alarm = Alarm.objects.get(pk=pk)
    watch = watches.get(alarm.name)
    if not claimed or watch is None:
        return
    outlet = current_outlet()
    if alarm.posted_at is None:
        begun = Alarm(pk=alarm.pk, name=alarm.name, detail=alarm.detail, began_at=alarm.began_at)
        if _tell(begun, watch, outlet.language):
            alarm.posted_at = timezone.now()
    if alarm.posted_at is not None and alarm.ended_at is not None and _tell(alarm, watch, outlet.language):
        alarm.end_posted_at = timezone.now()
    alarm.posting_until = None
    alarm.save(update_fields=["posted_at", "end_posted_at", "posting_until"])


def _tell(alarm: Alarm, watch: Watch, language: str) -> bool:
    """Post one alarm as JSON and say whether it was taken. `text` alone is what chats show."""
    with translation.override(language):
        words = _words(alarm, watch)
    body: dict[str, Any] = {
        "alarm": alarm.name,
        "state": words["state"],
        "since": alarm.began_at.isoformat(),
        "title": words["title"],
        "detail": alarm.detail,
        "what_to_do": str(watch.what_to_do),
        "url": words["url"],
        "site": settings.SITE_URL,
        "text": f"{words['title']}: {words['text']}",
    }
    try:
        answer = requests.post(settings.ALARM_URL, json=body, timeout=TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        # Its message would show the URL, which is a secret of the operator's.
        logger.warning("The alarm %s could not be posted (%s).", alarm.pk, type(error).__name__)
        return False
    if not answer.ok:
        logger.warning("The alarm %s was answered with %s.", alarm.pk, answer.status_code)
    return answer.ok


def _say_alive() -> None:
    try:
        requests.get(settings.DEAD_MAN_URL, timeout=TIMEOUT, allow_redirects=False)
    except requests.RequestException as error:
        logger.warning("The dead man's URL does not answer (%s).", type(error).__name__)
