"""Reads the demo's content from its files into plain objects and refuses what is incomplete.

Nothing here knows Django. Times are relative ("two days ago at 09:30", "the Friday before last") and become dates when
the caller says what time it is now. Links between texts are written as `article:SLUG` and `page:SLUG`, which
`with_addresses` turns into real ones.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

CONTENT = Path(__file__).parent / "content"
ALLOWED_TAGS = frozenset({"p", "h2", "h3", "blockquote", "ul", "ol", "li", "a", "strong", "em"})
SECTION_KINDS = frozenset({"news", "feature", "analysis", "opinion"})
_FRIDAY = 4
_FENCE = "+++\n"
_INNER_LINK = re.compile(r'href="(article|page):([a-z0-9-]+)"')
_PLACE = re.compile(r"\{\{(\w+)\}\}")


class ContentError(Exception):
    """A content file is missing something, or says something that cannot be."""


@dataclass(frozen=True)
class Language:
    code: str
    name: str
    outlet_name: str
    tagline: str


@dataclass(frozen=True)
class Outlet:
    name: str
    tagline: str
    discreet_name: str
    timezone: str
    founded: int
    email: str
    telephone: str
    postal_address: tuple[str, ...]
    languages: tuple[Language, ...]
    policy_version: str
    policy_in_force_since: date
    policy_parts: Mapping[str, str]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


@dataclass(frozen=True)
class Section:
    slug: str
    name: str
    kind: str
    description: str
    order: int
    language: str


@dataclass(frozen=True)
class Author:
    slug: str
    name: str
    role: str
    bio: str
    portrait: str
    is_pseudonymous: bool


@dataclass(frozen=True)
class LeadImage:
    name: str
    caption: str
    alt: str
    credit: str


@dataclass(frozen=True)
class Article:
    slug: str
    headline: str
    standfirst: str
    body: str
    language: str
    translation_of: str
    section: str
    authors: tuple[str, ...]
    credit_line: str
    tags: tuple[str, ...]
    newsletter_priority: int
    front_page_priority: int
    is_sensitive: bool
    days_ago: int
    time: time
    lead_image: LeadImage

    def published_at(self, *, now: datetime, zone: ZoneInfo) -> datetime:
        """Return the time of publication, so many days before `now` by the outlet's own calendar."""
        day = now.astimezone(zone).date() - timedelta(days=self.days_ago)
        return datetime.combine(day, self.time, tzinfo=zone)


@dataclass(frozen=True)
class Appeal:
    slug: str
    language: str
    title: str
    page_top: str
    message: str
    signature: str
    starts_days_ago: int
    priority: int
    currency: str


@dataclass(frozen=True)
class Pick:
    article: str
    blurb: str


@dataclass(frozen=True)
class Issue:
    fridays_ago: int
    subject: str
    preheader: str
    letter: str
    signature: str
    picks: tuple[Pick, ...]

    def issue_date(self, *, today: date) -> date:
        """Return the issue's Friday. A Friday on which the demo is loaded does not count as past."""
        last = today - timedelta(days=(today.weekday() - _FRIDAY - 1) % 7 + 1)
        return last - timedelta(weeks=self.fridays_ago - 1)


@dataclass(frozen=True)
class Newsletter:
    slug: str
    name: str
    language: str
    weekday: str
    time: time
    timezone: str
    description: str
    intro: str
    sender_name: str
    sender_address: str
    reply_to: str
    quotas: Mapping[str, int]
    issues: tuple[Issue, ...]


@dataclass(frozen=True)
class Page:
    slug: str
    title: str
    language: str
    translation_of: str
    order: int
    body: str


@dataclass(frozen=True)
class Policy:
    version: str
    language: str
    title: str
    summary: str
    body: str


@dataclass(frozen=True)
class Content:
    outlet: Outlet
    sections: tuple[Section, ...]
    authors: tuple[Author, ...]
    articles: tuple[Article, ...]
    appeals: tuple[Appeal, ...]
    newsletters: tuple[Newsletter, ...]
    pages: tuple[Page, ...]
    policies: tuple[Policy, ...]


def read_content(folder: Path = CONTENT) -> Content:
    """Read every file of the folder; articles come newest first, with originals before their translations.

    Raises ContentError, which names the file, where a file, a key or something referred to is missing.
    """
    outlet = read_outlet(folder / "outlet.toml")
    content = Content(
        outlet=outlet,
        sections=tuple(
            _made(Section, row, folder / "sections.toml") for row in _rows(folder / "sections.toml", "sections")
        ),
        authors=tuple(_made(Author, row, folder / "authors.toml") for row in _rows(folder / "authors.toml", "authors")),
        articles=tuple(sorted(map(read_article, _files(folder / "articles")), key=_order_of_publication)),
        appeals=tuple(_made(Appeal, row, folder / "appeals.toml") for row in _rows(folder / "appeals.toml", "appeals")),
        newsletters=tuple(
            _newsletter(row, folder / "newsletters.toml") for row in _rows(folder / "newsletters.toml", "newsletters")
        ),
        pages=tuple(sorted(map(read_page, _files(folder / "pages")), key=lambda page: (page.language, page.order))),
        policies=tuple(read_policy(path, parts=outlet.policy_parts) for path in _files(folder / "policy")),
    )
    _check_references(content)
    return content


def read_outlet(path: Path) -> Outlet:
    row = _toml(path.read_text(encoding="utf-8"), path)
    policy = row.pop("policy", {})
    row["languages"] = tuple(_made(Language, language, path) for language in row.get("languages", ()))
    row["postal_address"] = tuple(row.get("postal_address", ()))
    for key in ("version", "in_force_since", "parts"):
        if key not in policy:
            raise ContentError(f"{path.name}: “policy.{key}” is missing.")
        row[f"policy_{key}"] = policy[key]
    return _made(Outlet, row, path)


def read_article(path: Path) -> Article:
    row, body = _front_matter(path)
    published = row.pop("published", {})
    try:
        row["days_ago"] = published["days_ago"]
        row["time"] = time.fromisoformat(published["time"])
    except (KeyError, ValueError) as error:
        raise ContentError(f"{path.name}: “published” needs days_ago and a time such as 09:30.") from error
    row["lead_image"] = _made(LeadImage, row.get("lead_image", {}), path)
    for key in ("authors", "tags"):
        row[key] = tuple(row.get(key, ()))
    article = _made(Article, {"translation_of": "", **row, "body": body}, path)
    if article.slug != path.stem:
        raise ContentError(f"{path.name}: the file should be named for its slug, “{article.slug}”.")
    return article


def read_page(path: Path) -> Page:
    row, body = _front_matter(path)
    return _made(Page, {"translation_of": "", **row, "body": body}, path)


def read_policy(path: Path, *, parts: Mapping[str, str]) -> Policy:
    """Read one language of the privacy policy and put the outlet's facts into the places marked {{name}}."""
    row, body = _front_matter(path)

    def fact(match: re.Match[str]) -> str:
        if match[1] not in parts:
            raise ContentError(f"{path.name}: outlet.toml has no policy part “{match[1]}”.")
        return parts[match[1]]

    return _made(Policy, {**row, "body": _PLACE.sub(fact, body)}, path)


def inner_links(html: str) -> list[tuple[str, str]]:
    """List the links to other texts of the demo as (kind, slug)."""
    return _INNER_LINK.findall(html)


def with_addresses(html: str, address: Callable[[str, str], str]) -> str:
    """Replace links to other texts by real ones; `address` gets the kind (“article” or “page”) and the slug."""
    return _INNER_LINK.sub(lambda match: f'href="{address(match[1], match[2])}"', html)


def check_markup(html: str) -> None:
    """Raise ContentError for a tag or attribute outside the allow-list, or one that is not closed in order."""
    checker = _MarkupChecker()
    checker.feed(html)
    checker.close()
    if checker.open:
        raise ContentError(f"<{checker.open[-1]}> is never closed.")


class _MarkupChecker(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ALLOWED_TAGS:
            raise ContentError(f"<{tag}> is not an allowed tag.")
        for name, _ in attrs:
            if (tag, name) != ("a", "href"):
                raise ContentError(f"<{tag}> may not have the attribute “{name}”.")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise ContentError(f"</{tag}> closes something else.")

    def handle_data(self, data: str) -> None:
        if not self.open and data.strip():
            raise ContentError(f"“{data.strip()[:40]}” stands outside a paragraph.")


def _check_references(content: Content) -> None:
    sections = {section.slug for section in content.sections}
    authors = {author.slug for author in content.authors}
    articles = {article.slug: article for article in content.articles}
    pages = {page.slug for page in content.pages}
    if len(articles) < len(content.articles):
        raise ContentError("Two articles have the same slug.")
    for section in content.sections:
        if section.kind not in SECTION_KINDS:
            raise ContentError(f"Section “{section.slug}”: “{section.kind}” is not a kind.")
    for article in content.articles:
        name = f"Article “{article.slug}”"
        _need(name, "section", [article.section], sections)
        _need(name, "author", article.authors, authors)
        _need(name, "article", [article.translation_of] if article.translation_of else [], articles)
    for newsletter in content.newsletters:
        for issue in newsletter.issues:
            _need(f"Issue “{issue.subject}”", "article", [pick.article for pick in issue.picks], articles)
    texts = [(article.slug, article.body) for article in content.articles]
    texts += [(page.slug, page.body) for page in content.pages]
    texts += [(policy.title, policy.body) for policy in content.policies]
    texts += [(appeal.slug, appeal.message) for appeal in content.appeals]
    texts += [(issue.subject, issue.letter) for newsletter in content.newsletters for issue in newsletter.issues]
    for name, html in texts:
        try:
            check_markup(html)
        except ContentError as error:
            raise ContentError(f"“{name}”: {error}") from error
        for kind, slug in inner_links(html):
            _need(f"“{name}”", kind, [slug], pages if kind == "page" else articles)


def _need(where: str, kind: str, wanted: Iterable[str], known: Iterable[str]) -> None:
    for slug in wanted:
        if slug not in known:
            raise ContentError(f"{where}: there is no {kind} “{slug}”.")


def _order_of_publication(article: Article) -> tuple[bool, int, str]:
    return bool(article.translation_of), article.days_ago, article.slug


def _newsletter(row: dict[str, Any], path: Path) -> Newsletter:
    issues = []
    for issue in row.get("issues", ()):
        picks = tuple(_made(Pick, pick, path) for pick in issue.get("picks", ()))
        issues.append(_made(Issue, {**issue, "picks": picks}, path))
    return _made(Newsletter, {**row, "time": time.fromisoformat(row["time"]), "issues": tuple(issues)}, path)


Made = TypeVar("Made")


def _made(kind: type[Made], row: Mapping[str, Any], path: Path) -> Made:
    """Make an object from a table; the table's keys must be the object's fields, no more and no fewer."""
    fields = set(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    if missing := sorted(fields - row.keys()):
        raise ContentError(f"{path.name}: {kind.__name__} lacks {', '.join(missing)}.")
    if unknown := sorted(row.keys() - fields):
        raise ContentError(f"{path.name}: {kind.__name__} has no {', '.join(unknown)}.")
    return kind(**{key: value.strip() if isinstance(value, str) else value for key, value in row.items()})


def _rows(path: Path, key: str) -> list[dict[str, Any]]:
    rows = _toml(path.read_text(encoding="utf-8"), path).get(key)
    if not rows:
        raise ContentError(f"{path.name}: there is no [[{key}]].")
    return list(rows)


def _files(folder: Path) -> list[Path]:
    files = sorted(folder.glob("*.md"))
    if not files:
        raise ContentError(f"{folder.name}/ holds no text.")
    return files


def _front_matter(path: Path) -> tuple[dict[str, Any], str]:
    before, _, rest = path.read_text(encoding="utf-8").partition(_FENCE)
    matter, fence, body = rest.partition("\n" + _FENCE)
    if before or not fence:
        raise ContentError(f"{path.name}: it should begin with facts between two lines of +++.")
    return _toml(matter, path), body


def _toml(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ContentError(f"{path.name}: {error}") from error
