"""Loads the newsroom's appeals."""

from datetime import datetime, timedelta

from donations.models import Appeal
from sandbox.demo.reading import Content


def load_appeals(content: Content, *, now: datetime) -> None:
    for text in content.appeals:
        Appeal.objects.create(
            title=text.title,
            message=f"{text.message}<p><em>{text.signature}</em></p>",
            short_line=text.page_top,
            language=text.language,
            starts_at=now - timedelta(days=text.starts_days_ago),
            priority=text.priority,
        )
