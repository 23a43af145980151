"""What needs a person now: every alarm that rings, and what each package says is waiting."""

from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse
from django.utils.translation import gettext as _

from newsroom import registry
from newsroom.alarms import watch_of
from newsroom.models import Alarm, StaffInvitation
from newsroom.registry import Panel

# More rings of different things at once are one thing that went wrong.
MOST_ALARMS = 20
WEEK = timedelta(days=7)


def attention_panel(user: User | AnonymousUser, at: datetime) -> Panel:
    """Return what waits for somebody with this person's permissions. Nothing in it is counted over a long table."""
    lines = []
    sees_alarms = user.has_perm("newsroom.view_alarm")
    for alarm in Alarm.objects.ringing().order_by("began_at", "pk")[:MOST_ALARMS]:
        watch = watch_of(alarm)
        # The alarm's own page says what to do and leads on to the place.
        url = reverse("admin:newsroom_alarm_change", args=[alarm.pk]) if sees_alarms else ""
        lines.append((str(watch.title) if watch else alarm.name, alarm.detail, url))
    for permission, waiting in registry.waiting.items():
        if user.has_perm(permission):
            lines += waiting(at)
    note = "" if lines else _("Nothing needs a person now.")
    over = Alarm.objects.filter(ended_at__gt=at - WEEK).count() if sees_alarms else 0
    if over:
        url = reverse("admin:newsroom_alarm_changelist") + "?state=ended"
        lines.append((_("alarms of this week that are over"), f"{over:,}", url))
    return Panel(title=_("What needs a person"), lines=lines, note=note)


def lost_devices(at: datetime) -> list[tuple[str, str, str]]:
    """Return who lost a device and waits for a second colleague."""
    asked = StaffInvitation.objects.filter(
        kind=StaffInvitation.Kind.NEW_DEVICE, sent_at=None, used_at=None, ended_at=None
    ).count()
    url = reverse("admin:newsroom_staffinvitation_changelist")
    return [(_("lost devices that a second person should approve"), str(asked), url)] if asked else []
