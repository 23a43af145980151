"""Full-text search in PostgreSQL, in the stemming of each article's language, deaf to accents."""

import html
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_

from django.contrib.postgres.search import SearchConfig, SearchHeadline, SearchQuery, SearchRank
from django.db.models import Case, F, Func, TextField, Value, When
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from newsroom.models import Article
from newsroom.models.articles import ArticleQuerySet
from newsroom.models.indexing import ACCENTED, CONFIGS, PLAIN

MAX_QUERY = 200
RESULTS = 20
# What one network may ask for, pages and feeds together.
SEARCHES = "60/minute"
# Ranking reads every row it ranks. The newest of the matches are enough, and keep a search for a common word quick.
RANKED = 500
_START, _END = "\x02", "\x03"


@dataclass(frozen=True)
class Hit:
    article: Article
    snippet: SafeString


def search(words: str, *, at: datetime) -> list[Hit]:
    """Return the best public matches for what a reader typed, which may hold "quotes", OR and -minus."""
    query = _query(words)
    if query is None:
        return []
    newest = Article.objects.published(at).filter(search_vector=query).newest_first().values_list("pk", flat=True)
    ranked = (
        Article.objects.filter(pk__in=newest[:RANKED])
        .order_by(SearchRank(F("search_vector"), query).desc(), "-published_at", "-pk")
        .values_list("pk", flat=True)
    )
    keys = list(ranked[:RESULTS])
    rows = Article.objects.for_cards().filter(pk__in=keys).annotate(snippet=_snippet(query)).in_bulk()
    return [Hit(rows[key], _marked(rows[key].snippet)) for key in keys if key in rows]


def matching(words: str) -> ArticleQuerySet:
    """Keep every article that matches, without a rank: for a feed, in which the newest comes first."""
    query = _query(words)
    return Article.objects.none() if query is None else Article.objects.filter(search_vector=query)


def _query(words: str) -> SearchQuery | None:
    words = fold(" ".join(words.replace("\x00", "").split())[:MAX_QUERY])
    if not words:
        return None
    return reduce(or_, (SearchQuery(words, config=config, search_type="websearch") for config in CONFIGS.values()))


def fold(text: str) -> str:
    return text.lower().translate(str.maketrans(ACCENTED, PLAIN))


def _snippet(query: SearchQuery) -> SearchHeadline:
    text = Func(
        F("body"), Value("<[^>]*>"), Value(" "), Value("g"), function="regexp_replace", output_field=TextField()
    )
    by_language = [When(language=code, then=Value(config)) for code, config in CONFIGS.items() if code]
    config = Case(*by_language, default=Value(CONFIGS[""]))
    return SearchHeadline(
        text,
        query,
        config=SearchConfig(config),
        start_sel=_START,
        stop_sel=_END,
        max_words=34,
        min_words=18,
        max_fragments=1,
    )


def _marked(snippet: str) -> SafeString:
    """Turn PostgreSQL's markers into `mark` elements around escaped text."""
    parts = html.unescape(snippet).replace(_END, _START).split(_START)
    # Text and marked words take turns, beginning with text.
    return format_html_join(
        "", "{}", ((format_html("<mark>{}</mark>", part) if turn % 2 else part,) for turn, part in enumerate(parts))
    )
