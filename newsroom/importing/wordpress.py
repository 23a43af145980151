"""WordPress's own export, WXR: RSS with a namespace for everything else (wp-admin/includes/export.php)."""

from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from newsroom.importing.posts import Export, ExportRefused, Named, Picture, Post, first_picture, slug_of, slug_of_name

CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_EXPORT = "{http://wordpress.org/export/"
DRAFTS = ("draft", "pending", "future")


def read(path: Path) -> Export:
    """Look through the file once, for its site, authors and pictures. Raises ExportRefused."""
    return _Wordpress(path).export


class _Wordpress:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.authors: dict[str, Named] = {}
        self.pictures: dict[str, Picture] = {}
        self.export = Export(site="", count=0, posts=self.posts)
        for name, element in self._elements({"base_site_url", "base_blog_url", "language", "author", "item"}):
            self._note(name, element)
        if not self.export.site:
            raise ExportRefused("This is no WordPress export: it names no site.")

    def _elements(self, names: set[str]) -> Iterator[tuple[str, Element]]:
        """Return the file's elements of these names one after another, each forgotten after its turn."""
        try:
            for _event, element in iterparse(str(self.path), events=("end",), forbid_dtd=True):
                name = element.tag.rpartition("}")[2]
                if name in names and (name in ("item", "language") or element.tag.startswith(_EXPORT)):
                    yield name, element
                if name == "item":
                    element.clear()
        except DefusedXmlException:
            raise ExportRefused("The file declares entities or a document type, which no export does.") from None
        except ParseError as error:
            line, column = error.position
            raise ExportRefused(f"The file is no well-formed XML at line {line}, column {column}.") from None

    def _note(self, name: str, element: Element) -> None:
        if name in ("base_site_url", "base_blog_url"):
            parts = urlsplit((element.text or "").strip())
            # The blog's address stands last and is where the posts are.
            self.export.site = f"{parts.scheme}://{parts.netloc}" if parts.netloc else self.export.site
        elif name == "language":
            self.export.language = self.export.language or (element.text or "").strip().lower()
        elif name == "author":
            login = _text(element, "author_login")
            shown = _text(element, "author_display_name") or login
            self.authors[login] = Named(slug=slug_of_name(login, shown), name=shown)
        else:
            self._note_item(element)

    def _note_item(self, item: Element) -> None:
        kind, status = _text(item, "post_type"), _text(item, "status")
        if kind == "attachment":
            address = _text(item, "attachment_url")
            alt = _meta(item).get("_wp_attachment_image_alt", "")
            if address:
                caption = _encoded_excerpt(item)
                self.pictures[_text(item, "post_id")] = Picture(address=address, alt=alt, caption=caption)
        elif kind != "post":
            self.export.left_out[kind or "unknown"] += 1
        elif status not in ("publish", *DRAFTS):
            self.export.left_out[f"post, {status}"] += 1
        else:
            self.export.count += 1

    def posts(self) -> Iterator[Post]:
        for _name, item in self._elements({"item"}):
            if _text(item, "post_type") == "post" and _text(item, "status") in ("publish", *DRAFTS):
                yield self._post(item)

    def _post(self, item: Element) -> Post:
        is_public = _text(item, "status") == "publish" and not _text(item, "post_password")
        title = unescape(item.findtext("title") or "").strip()
        slug = unquote(_text(item, "post_name"))
        html = item.findtext(CONTENT) or ""
        terms: dict[str, list[Named]] = {"category": [], "post_tag": []}
        for category in item.findall("category"):
            name = unescape(category.text or "").strip()
            if category.get("domain") in terms and name:
                nicename = unquote(category.get("nicename") or name)
                terms[category.get("domain", "")].append(Named(slug=slug_of_name(nicename, name), name=name))
        login = (item.findtext(CREATOR) or "").strip()
        author = self.authors.get(login) or (Named(slug=slug_of_name(login), name=login) if login else None)
        categories = [one for one in terms["category"] if one.slug != "uncategorized"]
        path = unquote(urlsplit((item.findtext("link") or "").strip()).path)
        return Post(
            key=_text(item, "post_id"),
            title=title,
            slug=slug_of(slug) or slug_of(title),
            html=html,
            summary=_encoded_excerpt(item),
            path=path if is_public and path not in ("", "/") else "",
            published_at=_published(item) if is_public else None,
            authors=[author] if author else [],
            section=categories[0] if categories else None,
            # What an article has more than one section for is a tag here.
            tags=[*terms["post_tag"], *categories[1:]],
            picture=self.pictures.get(_meta(item).get("_thumbnail_id", "")) or first_picture(html),
        )


def _text(element: Element, name: str) -> str:
    """Return the text of a child in WordPress's namespace, whose number grew with its versions."""
    for child in element:
        if child.tag.startswith(_EXPORT) and child.tag.endswith(f"/}}{name}"):
            return (child.text or "").strip()
    return ""


def _encoded_excerpt(item: Element) -> str:
    for child in item:
        if child.tag.startswith(_EXPORT) and child.tag.endswith("/excerpt/}encoded"):
            return (child.text or "").strip()
    return ""


def _meta(item: Element) -> dict[str, str]:
    return {_text(child, "meta_key"): _text(child, "meta_value") for child in item if child.tag.endswith("}postmeta")}


def _published(item: Element) -> datetime | None:
    """Return when a post appeared. Some posts have no time in UTC and only the one that their feed shows."""
    try:
        return datetime.strptime(_text(item, "post_date_gmt"), "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        pass
    try:
        shown = parsedate_to_datetime(item.findtext("pubDate") or "")
    except ValueError:
        return None
    return shown if shown.tzinfo else shown.replace(tzinfo=UTC)
