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
    """Hold what was approved with the article, pause what is being sent, and ask a person whether to refresh it.

    Approval froze the words, so nothing of the change would reach the mail by itself. An issue that has left is only
    asked about, for the sake of its page on the web. The rows are locked before their state is read: an issue that
    starts at this moment is found sending.
    """
    standing = Issue.objects.select_for_update(of=("self",)).filter(
        picks__article=article, state__in=[S.APPROVED, S.SENDING, S.SENT]
    )
    for issue in standing.order_by("pk"):
        if issue.state == S.APPROVED:
            issues.hold(issue, by=None, at=at, reason=reason, question=reason)
        elif issue.state == S.SENDING:
            issues.pause(issue, by=None, at=at, reason=reason, question=reason)
        else:
            issues.ask(issue, at=at, question=reason)
