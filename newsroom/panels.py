"""What the staff dashboard shows of publishing and of the outbox."""

from datetime import datetime, timedelta

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext as _

from newsroom.models import Article, Job, OutgoingMail
from newsroom.registry import Panel

WEEK = timedelta(days=7)


def publishing_panel(at: datetime) -> Panel:
    """Count the week's articles and those that wait for an editor."""
    url = reverse("admin:newsroom_article_changelist")
    status = Article.Status
    published = Article.objects.published(at).filter(published_at__gt=at - WEEK).count()
    waiting = Article.objects.filter(status=status.IN_REVIEW).count()
    ahead = Article.objects.filter(status=status.SCHEDULED, published_at__gt=at).count()
    return Panel(
        title=_("Articles"),
        lines=[
            (_("published this week"), f"{published:,}", f"{url}?status__exact=published"),
            (_("waiting for an editor"), f"{waiting:,}", f"{url}?status__exact=in+review"),
            (_("scheduled"), f"{ahead:,}", f"{url}?status__exact=scheduled"),
        ],
        permission="newsroom.view_article",
    )


def mail_panel(at: datetime) -> Panel:
    """Count the single mails that a person should look at, and the jobs that failed."""
    url = reverse("admin:newsroom_outgoingmail_changelist")
    state = OutgoingMail.State
    failed = OutgoingMail.objects.filter(state=state.FAILED, ended_at__gt=at - WEEK).count()
    unknown = OutgoingMail.objects.filter(state=state.UNKNOWN).count()
    late = OutgoingMail.objects.filter(Q(state=state.QUEUED), not_before__lt=at - timedelta(minutes=15)).count()
    jobs = Job.objects.exclude(error="").count()
    return Panel(
        title=_("Receipts and notices"),
        lines=[
            (_("waiting too long"), f"{late:,}", f"{url}?state__exact=queued"),
            (_("without an answer"), f"{unknown:,}", f"{url}?state__exact=unknown"),
            (_("failed this week"), f"{failed:,}", f"{url}?state__exact=failed"),
            (_("daily jobs that failed"), f"{jobs:,}", reverse("admin:newsroom_job_changelist")),
        ],
        permission="newsroom.view_outgoingmail",
    )
