"""Showing an issue before it leaves: links for people without an account, and tests by mail."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.urls import reverse

from newsroom import tokens
from newsroom.history import record
from newsroom.mail import queue_mail
from subscriptions import rendering
from subscriptions.editing import CHANGE
from subscriptions.models import Issue, PreviewLink

PURPOSE = "issue-preview"
OPEN_FOR = timedelta(days=7)


class PreviewOver(Exception):
    """The link was revoked or has expired, or never was one."""


@transaction.atomic
def share(issue: Issue, *, by: User, at: datetime, note: str = "") -> PreviewLink:
    """Make a link under which anyone who has it sees the issue as it stands, for seven days."""
    if not by.has_perm(CHANGE):
        raise PermissionDenied(CHANGE)
    link = PreviewLink.objects.create(issue=issue, note=note[:100], made_by=by, made_at=at, expires_at=at + OPEN_FOR)
    record(issue, action="issue.shared", actor=by, reason=link.note, at=at)
    return link


@transaction.atomic
def revoke(issue: Issue, link_id: int, *, by: User, at: datetime) -> bool:
    """Close a link of the issue, and say whether it was open."""
    if not by.has_perm(CHANGE):
        raise PermissionDenied(CHANGE)
    link = PreviewLink.objects.select_for_update().open(at).filter(issue=issue, pk=link_id).first()
    if link is None:
        return False
    link.revoked_at = at
    link.save(update_fields=["revoked_at"])
    record(issue, action="issue.preview_revoked", actor=by, reason=link.note, at=at)
    return True


def preview_url(link: PreviewLink) -> str:
    path = reverse("subscriptions:shared_preview", args=[tokens.sign(PURPOSE, link.key.hex)])
    return f"{settings.SITE_URL}{path}"


def open_preview(token: str, *, at: datetime) -> Issue:
    """Return the issue behind a link. Raises PreviewOver."""
    try:
        key = UUID(tokens.read(PURPOSE, token, max_age=OPEN_FOR))
    except (tokens.BadToken, ValueError, TypeError) as error:
        raise PreviewOver from error
    link = PreviewLink.objects.open(at).filter(key=key).select_related("issue__newsletter").first()
    if link is None:
        raise PreviewOver
    return link.issue


@transaction.atomic
def send_tests(issue: Issue, *, to: Iterable[str], by: User, at: datetime) -> int:
    """Mail the issue as it stands to each address, with links of the reader's own that lead nowhere."""
    rendered = rendering.render(issue, at=at)
    context = {
        "title": rendered.subject,
        "text": rendering.with_dead_links(rendered.mail_text),
        "html": rendering.with_dead_links(rendered.mail_html),
    }
    addresses = list(dict.fromkeys(to))
    for address in addresses:
        queue_mail(
            key=f"issue-test-{uuid4()}",
            template="issue_test",
            to=address,
            language=issue.newsletter.language,
            context=context,
            at=at,
        )
    record(issue, action="issue.tested", actor=by, after={"mails": len(addresses)}, at=at)
    return len(addresses)
