"""What staff do in the first hour, for `manage.py shell`: a policy, a newsletter, an article, and a reader."""

from datetime import timedelta

from django.utils import timezone

from newsroom.models import Article, Author, Byline, Section
from subscriptions import consent, policies
from subscriptions.models import Consent, Newsletter, PolicyText, PrivacyPolicy
from subscriptions.statements import newsletter_statement

at = timezone.now()
policy = PrivacyPolicy.objects.create(version="1", in_force_from=at - timedelta(days=1))
PolicyText.objects.create(policy=policy, language="en", title="Privacy Policy", body="<p>We keep your address.</p>")
policies.publish(policy, by=None, at=at)
newsletter = Newsletter.objects.create(
    name="The first letter",
    slug="first",
    description="The week, picked by hand.",
    weekday=at.weekday(),
    send_time=at.time().replace(microsecond=0),
    time_zone="UTC",
    sender_name="The Example",
    sender_address="friday@news.example.org",
    list_id="first.news.example.org",
)
section = Section.objects.create(name="News", slug="news")
for number in range(3):
    article = Article.objects.create(
        section=section,
        headline=f"The first story, part {number}",
        slug=f"first-{number}",
        standfirst="It begins.",
        body="<p>It begins here.</p>",
        status=Article.Status.PUBLISHED,
        published_at=at - timedelta(hours=number + 1),
    )
    author = Author.objects.create(name=f"Author {number}", slug=f"author-{number}")
    Byline.objects.create(article=article, author=author, position=1)
statement = newsletter_statement(newsletter, at=at)
subscription, granted = consent.grant(
    email="first.reader@example.org",
    newsletter=newsletter,
    shown=consent.Shown.from_statement(statement),
    page="/first-0/",
    method=Consent.Method.FORM,
    at=at,
)
consent.confirm(subscription, position=granted.position, page="/first-0/", method=Consent.Method.CONFIRMATION, at=at)
print("A newsletter, three articles and a reader are there.")
