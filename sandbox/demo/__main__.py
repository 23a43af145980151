"""Loads the demo's content into an empty database, once: `python -m sandbox.demo`.

Each part is loaded in a transaction of its own where its table is still empty, so a load that was interrupted goes on,
and nothing that a person changed is overwritten.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import django
from django.db import models, transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
django.setup()

from django.utils import timezone  # noqa: E402 - models can be imported only after the set-up.

from donations.models import Appeal, Donation, TaxProfile  # noqa: E402
from newsroom import preparing  # noqa: E402
from newsroom.models import Article, Outlet  # noqa: E402
from sandbox.demo import gifts, paper, people, readers  # noqa: E402
from sandbox.demo.reading import read_content  # noqa: E402
from subscriptions.models import Issue, Newsletter, PrivacyPolicy, Subscriber  # noqa: E402


@dataclass(frozen=True)
class Part:
    words: str
    model: type[models.Model]
    load: Callable[[], None]


def main() -> None:
    now = timezone.now()
    content = read_content()
    staff = paper.load_staff()
    parts = [
        Part("the outlet", Outlet, lambda: paper.load_outlet(content)),
        Part("articles and pictures", Article, lambda: paper.load_paper(content, by=staff, now=now)),
        Part("the privacy policy", PrivacyPolicy, lambda: readers.load_policies(content, by=staff, now=now)),
        Part("the newsletter", Newsletter, lambda: readers.load_newsletters(content)),
        Part("200 subscribers", Subscriber, lambda: readers.load_subscribers(now=now)),
        Part("two issues", Issue, lambda: readers.load_past_issues(content, by=staff, now=now)),
        Part("the organisation for taxes", TaxProfile, lambda: gifts.load_organisation(content)),
        Part("appeals", Appeal, lambda: gifts.load_appeals(content, now=now)),
    ]
    # Only the sandbox's own Stripe has such a file. With an account of Stripe's, gifts are made by hand.
    if data := os.environ.get("STRIPE_SANDBOX_DATA"):
        givers = people.givers(now=now)
        parts.append(
            Part("donors and their gifts", Donation, lambda: gifts.load_gifts(givers, data=Path(data), now=now))
        )
    for part in parts:
        if part.model._default_manager.exists():
            continue
        print(f"Writing {part.words}", flush=True)
        with transaction.atomic():
            part.load()
    # What the newsroom's clock does every night, so that the first page has its numbers at once.
    preparing.prepare(at=now)


if __name__ == "__main__":
    main()
