"""A minute of the product's life, with whatever code stands in the working folder: written to run under old code too.

Run by path, with that folder first on the path. It uses only what every release has: models, consent, mail, pages.
"""

import os
import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import django

sys.path.insert(0, str(Path.cwd()))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
django.setup()

from django.apps import apps  # noqa: E402 - these need the settings.
from django.contrib.auth.models import User  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from newsroom.history import record  # noqa: E402
from newsroom.mail import queue_mail  # noqa: E402
from newsroom.models import Article, Section  # noqa: E402
from subscriptions import consent, ledger, policies  # noqa: E402
from subscriptions.models import Consent, Newsletter, PolicyText, PrivacyPolicy  # noqa: E402
from subscriptions.statements import newsletter_statement  # noqa: E402


def main() -> None:
    at, name = timezone.now(), uuid4().hex[:10]
    section = Section.objects.create(name=name, slug=name)
    published = {"status": Article.Status.PUBLISHED, "published_at": at - timedelta(minutes=1)}
    words = {"headline": name, "slug": name, "standfirst": "It goes on.", "body": "<p>It goes on.</p>"}
    article = Article.objects.create(section=section, **words, **published)
    record(article, action="article.published", at=at)
    newsletter = Newsletter.objects.create(
        name=name,
        slug=name,
        sender_name="The Example",
        sender_address="friday@example.org",
        list_id=f"{name}.example.org",
    )
    if PrivacyPolicy.objects.in_force(at) is None:
        policy = PrivacyPolicy.objects.create(version=name, in_force_from=at - timedelta(days=1))
        PolicyText.objects.create(policy=policy, language="en", title="Privacy Policy", body="<p>Kept.</p>")
        policies.publish(policy, by=None, at=at)
    statement = newsletter_statement(newsletter, at=at)
    assert statement is not None
    method = Consent.Method.FORM
    subscription, granted = consent.grant(
        email=f"{name}@example.org",
        newsletter=newsletter,
        shown=consent.Shown.from_statement(statement),
        page="/",
        method=method,
        at=at,
    )
    consent.confirm(subscription, position=granted.position, page="/", method=method, at=at)
    consent.withdraw(subscription, page="/", method=method, at=at)
    queue_mail(key=name, template="notice", to=f"{name}@example.org", context={"title": name, "words": "", "url": ""})
    paths = [
        "/",
        f"/articles/{name}/",
        f"/sections/{name}/",
        "/archive/",
        "/search/?q=goes",
        "/sitemap.xml",
        "/feed.rss",
    ]
    paths += ["/newsletter/", f"/newsletter/{name}/", "/support/", "/privacy/"]
    client = Client()
    answers = {path: client.get(path, headers={"host": "localhost"}).status_code for path in paths}
    staff = User.objects.create_superuser(name, f"{name}@example.org", uuid4().hex)
    client.force_login(staff)
    for model in apps.get_models():
        if model._meta.app_label in {"newsroom", "subscriptions", "donations"}:
            path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
            answers[path] = client.get(path, headers={"host": "localhost"}).status_code
    wrong = {path: status for path, status in answers.items() if status >= 500}
    faults = list(ledger.faults())
    if wrong or faults:
        sys.exit(f"{wrong} {faults}")
    print(f"{len(answers)} pages answered, an article, a reader and a mail written, the ledger holds")


main()
