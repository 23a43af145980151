"""The newsroom's appeal as it stands in an issue of a newsletter."""

from datetime import datetime

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from donations.models import Appeal
from newsroom.registry import IssueAppeal


def issue_appeal(language: str, at: datetime) -> IssueAppeal | None:
    """Return the appeal that runs on pages of no section at `at`, which is what a whole issue is."""
    appeal = Appeal.objects.for_page(language=language, section_id=None, at=at)
    if appeal is None:
        return None
    return IssueAppeal(
        title=appeal.title,
        message=appeal.message,
        button=_("Support us"),
        url=f"{settings.SITE_URL}{reverse('donations:support')}",
    )
