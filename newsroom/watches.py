"""What may go wrong with the machine, the outbox, the daily jobs and the backup."""

import socket
import ssl
import time
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from newsroom import offsite
from newsroom.gauges import disk_free
from newsroom.models import Job, OutgoingMail, Restoration
from newsroom.registry import Watch

OUTBOX_PATIENCE = timedelta(minutes=15)
# A certificate does not change by the minute.
CERTIFICATE_LOOK_SECONDS = 3600.0


def outbox_is_stuck(at: datetime) -> str:
    """Say how many single mails should have left a quarter of an hour ago."""
    late = OutgoingMail.objects.due(at - OUTBOX_PATIENCE).count()
    if not late:
        return ""
    return ngettext("%(count)s mail should have left.", "%(count)s mails should have left.", late) % {"count": late}


def sending_is_held(at: datetime) -> str:
    """Say since when a restore keeps everything from leaving. This alarm goes to ALARM_URL: mail is held as well."""
    held = Restoration.objects.holding().order_by("pk").first()
    return "" if held is None else _("On hold since %(time)s UTC.") % {"time": f"{held.restored_at:%Y-%m-%d %H:%M}"}


def offsite_list_waits(at: datetime) -> str:
    """Say since when somebody who left is not on the list outside this house."""
    since = offsite.oldest_waiting()
    if since is None or since > at - OUTBOX_PATIENCE:
        return ""
    return _("Lines wait since %(time)s UTC.") % {"time": f"{since:%Y-%m-%d %H:%M}"}


def jobs_failed(at: datetime) -> str:
    """Name the daily jobs whose last run failed or never came to its end."""
    failed = list(Job.objects.exclude(error="").order_by("name").values_list("name", flat=True))
    failed += [f"{job.name} ({_('cut off')})" for job in Job.objects.filter(Job.cut_off(at)).order_by("name")]
    return ", ".join(failed)


def disk_is_full(at: datetime) -> str:
    """Say how little of the disk is free that holds the pictures, seen from the machine of this worker."""
    percent = disk_free() * 100
    if percent >= settings.ALARM_DISK_PERCENT:
        return ""
    return _("%(percent)s %% are free on %(machine)s.") % {"percent": int(percent), "machine": socket.gethostname()}


def backup_is_old(at: datetime) -> str:
    """Say since when there is no good backup. A development machine that never made one needs none."""
    last = Job.objects.filter(name="backup").values_list("succeeded_at", flat=True).first()
    if last is None:
        return _("There is no backup at all.") if settings.IS_PRODUCTION else ""
    if last > at - timedelta(hours=settings.ALARM_BACKUP_HOURS):
        return ""
    return _("The last good backup is of %(time)s UTC.") % {"time": f"{last:%Y-%m-%d %H:%M}"}


_certificate: list[tuple[float, str, str]] = []


def certificate_ends(at: datetime) -> str:
    """Say when the site's certificate ends, or why browsers refuse it. Asked of the site itself, once an hour."""
    address = urlsplit(settings.SITE_URL)
    if address.scheme != "https" or not address.hostname or address.hostname.endswith(".onion"):
        return ""
    now = time.monotonic()
    for looked_at, url, found in _certificate:
        if url == settings.SITE_URL and now - looked_at < CERTIFICATE_LOOK_SECONDS:
            return found
    found = _look_at_certificate(address.hostname, address.port or 443, at)
    _certificate[:] = [(now, settings.SITE_URL, found)]
    return found


def _look_at_certificate(host: str, port: int, at: datetime) -> str:
    try:
        with (
            socket.create_connection((host, port), timeout=5) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=host) as client,
        ):
            certificate = client.getpeercert() or {}
    except ssl.SSLCertVerificationError as error:
        return _("Browsers refuse it: %(reason)s.") % {"reason": error.verify_message}
    except OSError:
        # A machine that cannot reach the site's own name says nothing of its certificate.
        return ""
    ends = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(certificate["notAfter"])), tz=at.tzinfo)
    if ends > at + timedelta(days=settings.ALARM_CERTIFICATE_DAYS):
        return ""
    return _("It ends on %(date)s.") % {"date": f"{ends:%Y-%m-%d}"}


WATCHES = [
    Watch(
        "outbox-stuck",
        gettext_lazy("Receipts and confirmations do not leave"),
        gettext_lazy(
            "See whether the mail server answers (manage.py doctor mail) and whether a worker runs (/readyz). "
            "Nothing is lost: the mails leave as soon as both do."
        ),
        outbox_is_stuck,
        "admin:newsroom_outgoingmail_changelist",
    ),
    Watch(
        "jobs-failed",
        gettext_lazy("A daily job failed"),
        gettext_lazy(
            "Open the list of jobs for the kind of error, and the worker's log for the place. It runs again tomorrow."
        ),
        jobs_failed,
        "admin:newsroom_job_changelist",
    ),
    Watch(
        "disk-full",
        gettext_lazy("The disk is nearly full"),
        gettext_lazy(
            "Remove old backups and logs from this machine, or enlarge the disk. PostgreSQL stops when it is full."
        ),
        disk_is_full,
    ),
    Watch(
        "backup-old",
        gettext_lazy("The backup is too old"),
        gettext_lazy("Run manage.py backup by hand and read what it says; then see why its timer did not."),
        backup_is_old,
        "admin:newsroom_job_changelist",
    ),
    Watch(
        "sending-on-hold",
        gettext_lazy("Nothing is sent after a restore"),
        gettext_lazy(
            "Run manage.py after_restore: it shows what will be done, and with --apply does it and lets mail leave."
        ),
        sending_is_held,
    ),
    Watch(
        "offsite-waits",
        gettext_lazy("The off-site list cannot be written"),
        gettext_lazy(
            "See whether OFFSITE_LIST can be reached from the worker. Until it is, a restore would bring back who left."
        ),
        offsite_list_waits,
    ),
    Watch(
        "certificate-ends",
        gettext_lazy("The site's certificate ends soon"),
        gettext_lazy(
            "Caddy and certbot renew it by themselves 30 days before its end, so something keeps them from it: "
            "read their log, and see whether port 80 can be reached from outside."
        ),
        certificate_ends,
    ),
]
