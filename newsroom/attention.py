"""What needs a person now: every alarm that rings, and what each package says is waiting."""

from datetime import datetime

from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse
from django.utils.translation import gettext as _

from newsroom import registry
from newsroom.models import Alarm, StaffInvitation
from newsroom.registry import Panel

# More rings of different things at once are one thing that went wrong.
MOST_ALARMS = 20


def attention_panel(user: User | AnonymousUser, at: datetime) -> Panel:
    """Return what waits for somebody with this person's permissions. Nothing in it is counted over a long table."""
    watches = {watch.name: watch for watch in registry.watches}
    lines = []
    for alarm in Alarm.objects.ringing().order_by("began_at", "pk")[:MOST_ALARMS]:
        watch = watches.get(alarm.name)
        lines.append((str(watch.title) if watch else alarm.name, alarm.detail, watch.place if watch else ""))
    for permission, waiting in registry.waiting.items():
        if user.has_perm(permission):
            lines += waiting(at)
    note = "" if lines else _("Nothing needs a person now.")
    return Panel(title=_("What needs a person"), lines=lines, note=note)


def lost_devices(at: datetime) -> list[tuple[str, str, str]]:
    """Return who lost a device and waits for a second colleague."""
    asked = StaffInvitation.objects.filter(
        kind=StaffInvitation.Kind.NEW_DEVICE, sent_at=None, used_at=None, ended_at=None
    ).count()
    url = reverse("admin:newsroom_staffinvitation_changelist")
    return [(_("lost devices that a second person should approve"), str(asked), url)] if asked else []
