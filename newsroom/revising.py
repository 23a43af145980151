"""Every saved version of an article: kept, compared and restored, with no editor writing over another unawares."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import SequenceMatcher

from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _

from newsroom import history, sanitising
from newsroom.models import Article, ArticleRevision, UnsavedWords

WORDS = ("headline", "standfirst", "body", "credit_line")
_BLOCK_END = re.compile(r"</(?:p|h2|h3|li|blockquote|figure)>|<(?:br|hr)>")
_FIGURE = re.compile(r'<figure data-image="(\d+)">')
_NOTE = re.compile(r"<foot-note>(.*?)</foot-note>", re.DOTALL)


@dataclass(frozen=True)
class Change:
    """A run of words that both versions have, or that one of them has: `same`, `added` or `removed`."""

    kind: str
    text: str


def latest_number(article: Article) -> int:
    return article.revisions.order_by("-number").values_list("number", flat=True).first() or 0


def keep_revision(article: Article, *, by: User | None, at: datetime) -> ArticleRevision | None:
    """Keep the article's words as they are now, and return the revision, or None where nothing changed."""
    with transaction.atomic():
        # The row's lock makes two saves take turns, so that numbers neither repeat nor skip.
        Article.objects.select_for_update().only("pk").get(pk=article.pk)
        last = article.revisions.order_by("-number").first()
        words = {name: getattr(article, name) for name in WORDS}
        if last is not None and all(getattr(last, name) == value for name, value in words.items()):
            return None
        number = 1 if last is None else last.number + 1
        return ArticleRevision.objects.create(article=article, number=number, saved_by=by, saved_at=at, **words)


def restore(revision: ArticleRevision, *, by: User | None, at: datetime) -> Article:
    """Give the article the words of an earlier revision. What it says now is kept as a revision too."""
    with transaction.atomic():
        article = Article.objects.select_for_update().get(pk=revision.article_id)
        keep_revision(article, by=None, at=article.updated_at)
        for name in WORDS:
            setattr(article, name, getattr(revision, name))
        article.save()
        keep_revision(article, by=by, at=at)
        history.record(article, action="article.restored", actor=by, reason=f"revision {revision.number}", at=at)
    return article


Words = Article | ArticleRevision | UnsavedWords


def compare(older: Words, newer: Words) -> dict[str, list[Change]]:
    """Return the differences word by word, for each part that differs."""
    return {
        name: list(_changes(_paragraphs(getattr(older, name)), _paragraphs(getattr(newer, name))))
        for name in WORDS
        if getattr(older, name) != getattr(newer, name)
    }


def _paragraphs(text: str) -> list[str]:
    """Split into words, each with the space or line break after it."""
    text = _FIGURE.sub(lambda match: f"[{_('picture')} {match[1]}] ", _NOTE.sub(r" [\1]", text))
    lines = (sanitising.plain(part) for part in _BLOCK_END.split(text))
    return re.findall(r"\S+\s*", "\n\n".join(line for line in lines if line))


def _changes(before: list[str], after: list[str]) -> Iterator[Change]:
    for kind, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Change("same", "".join(before[a:b]))
            continue
        if a < b:
            yield Change("removed", "".join(before[a:b]))
        if c < d:
            yield Change("added", "".join(after[c:d]))
