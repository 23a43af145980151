"""What becomes of issues when an article that stands in them is withdrawn or corrected."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from newsroom.models import Article
from subscriptions import issues
from subscriptions.models import Issue

S = Issue.State


def article_withdrawn(article: Article, at: datetime) -> None:
    _stop(article, at, _("“%(headline)s” was withdrawn from readers.") % {"headline": article.headline})


def article_corrected(article: Article, at: datetime) -> None:
    _stop(article, at, _("“%(headline)s” was corrected.") % {"headline": article.headline})


@transaction.atomic
def _stop(article: Article, at: datetime, reason: str) -> None:
    """Hold what was approved with the article and pause what is being sent, so that a person decides.

    Approval froze the words, so nothing of the change would reach the mail by itself. The rows are locked before their
    state is read: an issue that starts at this moment is found sending.
    """
    standing = Issue.objects.select_for_update(of=("self",)).filter(
        picks__article=article, state__in=[S.APPROVED, S.SENDING]
    )
    for issue in standing.order_by("pk"):
        if issue.state == S.APPROVED:
            issues.hold(issue, by=None, at=at, reason=reason)
        else:
            issues.pause(issue, by=None, at=at, reason=reason)
