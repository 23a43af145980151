"""What somebody typed and has not saved: kept for that person alone, offered back, and gone with the next save."""

from collections.abc import Mapping
from datetime import datetime

from django.contrib.auth.models import User

from newsroom import sanitising
from newsroom.models import Article, UnsavedWords
from newsroom.revising import WORDS

# Whoever has not come back by then has written it elsewhere. It is also the time a holiday may take.
KEPT_DAYS = 60


def keep(article: Article | None, *, by: User, words: Mapping[str, str], based_on: int, at: datetime) -> UnsavedWords:
    """Keep what `by` has typed into the article's form, or into an empty one, in one statement.

    Nobody else sees it and it is no revision. The text is sanitised like any other, because it comes back to a page.
    """
    typed = {name: words.get(name, "").replace("\x00", "") for name in WORDS}
    typed["body"] = sanitising.clean(typed["body"])
    row = UnsavedWords(article=article, user=by, based_on=based_on, typed_at=at, **typed)
    UnsavedWords.objects.bulk_create(
        [row],
        update_conflicts=True,
        unique_fields=["article", "user"],
        update_fields=[*WORDS, "based_on", "typed_at"],
    )
    return row


def offered(article: Article | None, *, to: User) -> UnsavedWords | None:
    """Return what `to` typed and did not save, unless the article has those very words."""
    row = UnsavedWords.objects.filter(article=article, user=to).first()
    if row is None:
        return None
    stored = [getattr(article, name) if article else "" for name in WORDS]
    return None if [getattr(row, name) for name in WORDS] == stored else row


def discard(article: Article | None, *, by: User) -> None:
    UnsavedWords.objects.filter(article=article, user=by).delete()


def forget_old(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete words that nobody came back to."""
    old = UnsavedWords.objects.filter(typed_at__lt=limit)
    return old.count() if is_dry_run else old.delete()[0]
