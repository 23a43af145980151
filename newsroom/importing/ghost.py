"""Ghost's export: one JSON document with its tables (https://ghost.org/docs/migration/custom/)."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.utils.dateparse import parse_datetime

from newsroom.importing.posts import Export, ExportRefused, Named, Picture, Post, first_picture, slug_of, slug_of_name

# What Ghost writes in place of the site's address.
PLACEHOLDER = "__GHOST_URL__"


def read(path: Path, *, site: str) -> Export:
    """Read the file. Ghost's does not tell the site's address, so `site` has to. Raises ExportRefused."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        data = document["db"][0]["data"] if "db" in document else document["data"]
        rows = data["posts"]
    except (ValueError, KeyError, IndexError, TypeError):
        raise ExportRefused("This is no Ghost export: it has no table of posts.") from None
    return _Ghost(data, rows, site).export


class _Ghost:
    def __init__(self, data: dict[str, Any], rows: list[dict[str, Any]], site: str) -> None:
        self.site = site
        self.rows: list[dict[str, Any]] = []
        self.export = Export(site=site, count=0, posts=self.posts)
        self.users = {user["id"]: user for user in data.get("users", [])}
        self.tags = {tag["id"]: tag for tag in data.get("tags", [])}
        self.authors_of = _joined(data.get("posts_authors", []), "author_id")
        self.tags_of = _joined(data.get("posts_tags", []), "tag_id")
        self.meta_of = {meta["post_id"]: meta for meta in data.get("posts_meta", [])}
        for row in rows:
            kind = "page" if row.get("page") or row.get("type") == "page" else "post"
            if kind == "page":
                self.export.left_out[kind] += 1
            elif row.get("status") not in ("published", "draft", "scheduled"):
                self.export.left_out[f"post, {row.get('status')}"] += 1
            else:
                self.rows.append(row)
        self.export.count = len(self.rows)
        for setting in data.get("settings", []):
            if setting.get("key") in ("locale", "lang") and setting.get("value"):
                self.export.language = str(setting["value"]).lower()

    def posts(self) -> Iterator[Post]:
        for row in self.rows:
            yield self._post(row)

    def _post(self, row: dict[str, Any]) -> Post:
        # What only members could read is not made public by moving it.
        is_public = row["status"] == "published" and row.get("visibility", "public") == "public"
        html = (row.get("html") or "").replace(PLACEHOLDER, self.site)
        tags = [self._tag(key) for key in self.tags_of[row["id"]] if self._is_shown(key)]
        meta = self.meta_of.get(row["id"], {})
        address = (row.get("feature_image") or "").replace(PLACEHOLDER, self.site)
        picture = Picture(
            address=address, alt=meta.get("feature_image_alt") or "", caption=meta.get("feature_image_caption") or ""
        )
        keys = self.authors_of[row["id"]] or [row.get("author_id") or ""]
        return Post(
            key=str(row["id"]),
            title=(row.get("title") or "").strip(),
            slug=slug_of(row.get("slug") or "") or slug_of(row.get("title") or ""),
            html=html,
            summary=row.get("custom_excerpt") or "",
            path=f"/{row['slug']}/" if is_public and row.get("slug") else "",
            published_at=_time(row.get("published_at")) if is_public else None,
            authors=[self._author(self.users[key]) for key in keys if key in self.users],
            # Ghost shows the first tag as an article's section.
            section=tags[0] if tags else None,
            tags=tags[1:],
            picture=picture if address else first_picture(html),
        )

    def _is_shown(self, key: str) -> bool:
        tag = self.tags.get(key)
        return tag is not None and tag.get("visibility", "public") == "public" and not tag["name"].startswith("#")

    def _tag(self, key: str) -> Named:
        tag = self.tags[key]
        name = tag["name"].strip()
        return Named(
            slug=slug_of_name(tag.get("slug") or "", name), name=name, description=tag.get("description") or ""
        )

    def _author(self, user: dict[str, Any]) -> Named:
        return Named(
            slug=slug_of_name(user.get("slug") or "", user["name"]),
            name=user["name"],
            description=user.get("bio") or "",
        )


def _joined(rows: list[dict[str, Any]], other: str) -> dict[str, list[str]]:
    joined = defaultdict(list)
    for row in sorted(rows, key=lambda row: row.get("sort_order") or 0):
        joined[row["post_id"]].append(row[other])
    return joined


def _time(value: Any) -> datetime | None:
    """Read a time, which older versions of Ghost write as milliseconds."""
    if isinstance(value, int):
        return datetime.fromtimestamp(value / 1000, tz=UTC)
    moment = parse_datetime(value or "")
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
