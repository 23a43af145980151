"""Every page that anyone may read, with the rows that bring it to its most interesting state."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.utils import timezone
from playwright.sync_api import Page

from donations import card_testing, reminders
from donations.models import Donation, Reminder
from newsroom.models import Article, Author, Correction, OutgoingMail, Section, Tag
from newsroom.previews import preview_url
from subscriptions import issues, signup, unsubscribing
from subscriptions.assembling import assemble
from subscriptions.models import Consent, Newsletter, Subscription
from tests.browser.paper import STORY, make_paper
from tests.donations.factories import make_donation, make_donor
from tests.donations.reminder_factories import make_reminder
from tests.newsroom.factories import make_article, make_section
from tests.subscriptions.factories import make_newsletter, make_subscription

LETTER = "the-friday-letter"
NOBODY = "00000000-0000-4000-8000-000000000000"
Act = Callable[[Page], None]


@dataclass(frozen=True)
class PublicPage:
    """`path` is where the page is, or a function of the rows; `act` is what the reader does there to see it."""

    name: str
    path: str | Callable[[], str]
    status: int = 200
    act: Act | None = None

    @property
    def address(self) -> str:
        return self.path if isinstance(self.path, str) else self.path()


def make_all_rows() -> None:
    """Make a paper in which every public page has something to show."""
    article = make_paper()
    now = timezone.now()
    Correction.objects.create(article=article, noted_at=now, text="The bridge has four lanes, not six.")
    Article.objects.filter(pk=article.pk).update(corrected_at=now)
    withdrawn = Article.objects.order_by("published_at").first()
    assert withdrawn is not None
    withdrawn.status, withdrawn.withdrawn_at, withdrawn.withdrawal_note = "withdrawn", now, "A source was in danger."
    withdrawn.save()
    make_article(slug="a-draft", status="draft", section=article.section, authors=[], lead_image=article.lead_image)
    make_article(slug="po-russki", language="ru", section=make_section(language="ru"), authors=[], published_at=now)
    newsletter = Newsletter.objects.get(slug=LETTER)
    make_newsletter(name="The Sunday Letter", slug="the-sunday-letter", language="ru")
    make_subscription(newsletter=newsletter, email="active@example.org", at=now)
    make_subscription(newsletter=newsletter, email="new@example.org", state=Subscription.State.PENDING, at=now)
    issue = assemble(newsletter=newsletter, issue_date=now.astimezone(newsletter.zone).date(), at=now)
    issue.letter = "Good morning,\n\nwe argued about a lamp."
    issue.save()
    issues.approve(issue, by=None, at=now)
    issues.start(issue, by=None, at=now)
    for state in ("started", "pending", "given", "failed", "returned"):
        donor = make_donor() if state == "given" else None
        make_donation(
            attempt_key=_attempt(state), state=state, donor=donor, article=article, created_at=now, state_at=now
        )
    due = (now + timedelta(days=30)).date()
    for reminder_state in (Reminder.State.PENDING, Reminder.State.CONFIRMED):
        make_reminder(
            email=f"{reminder_state}@example.org",
            state=reminder_state,
            due_date=due,
            due_at=now + timedelta(days=30),
            asked_at=now,
            **({"confirmed_at": now} if reminder_state == Reminder.State.CONFIRMED else {}),
        )


def _attempt(state: str) -> uuid.UUID:
    return uuid.uuid5(uuid.NAMESPACE_URL, state)


def _subscription(name: str) -> Subscription:
    return Subscription.objects.get(subscriber__email=f"{name}@example.org")


def _path_with_token(what: str, subscription: Subscription) -> str:
    return f"/newsletter/{what}/{unsubscribing.token(subscription.link_id)}/"


def _path_of_somebody_leaving() -> str:
    """Return a page whose button nobody has pressed yet."""
    newsletter = Newsletter.objects.get(slug=LETTER)
    return _path_with_token("unsubscribe", make_subscription(newsletter=newsletter, at=timezone.now()))


def _confirm_path() -> str:
    subscription = _subscription("new")
    granted = Consent.objects.get(subject=subscription.subscriber.subject)
    return urlsplit(signup.confirm_url(subscription, granted)).path


def _reminder_path(state: Reminder.State) -> str:
    return urlsplit(reminders.confirm_url(Reminder.objects.get(state=state))).path


def _cancel_path() -> str:
    return urlsplit(reminders.cancel_url(Reminder.objects.get(state=Reminder.State.CONFIRMED))).path


def _send_unchecked(selector: str) -> Act:
    """Send a form as a browser does that checks nothing itself."""

    def act(page: Page) -> None:
        page.locator(selector).evaluate("form => { form.noValidate = true }")
        page.locator(f"{selector} button").last.click()

    return act


def _press(name: str) -> Act:
    return lambda page: page.get_by_role("button", name=name).first.click()


def _issue_path() -> str:
    return Newsletter.objects.get(slug=LETTER).issues.get().get_absolute_url()


def _draft_path() -> str:
    return urlsplit(preview_url(Article.objects.get(slug="a-draft"))).path


def _go_path() -> str:
    """Return the address that is mailed while somebody tries stolen cards on the form."""
    card_testing.send_link(Donation.objects.get(attempt_key=_attempt("started")), at=timezone.now())
    mail = OutgoingMail.objects.filter(template="give_link").latest("pk")
    return urlsplit(mail.context["url"]).path


def _month_path() -> str:
    return f"/archive/{datetime.now(UTC):%Y/%m}/".replace("/0", "/")


def _pages() -> Iterator[PublicPage]:
    chosen = "frequency=monthly&amount=1000&currency=USD&language=en"
    yield PublicPage("front", "/")
    yield PublicPage("front-russian", "/ru/")
    yield PublicPage("draft", _draft_path)
    yield PublicPage("draft-over", "/preview/nothing/", status=410)
    yield PublicPage("article", f"/articles/{STORY}/")
    yield PublicPage("article-russian", "/articles/po-russki/")
    yield PublicPage("section", lambda: Section.objects.get(slug="veresia").get_absolute_url())
    yield PublicPage("author", lambda: Author.objects.get(slug="danil-kesh").get_absolute_url())
    yield PublicPage("tag", lambda: Tag.objects.get(slug="infrastructure").get_absolute_url())
    yield PublicPage("page", "/about-us/")
    yield PublicPage("withdrawn", lambda: Article.objects.get(status="withdrawn").get_absolute_url(), status=410)
    yield PublicPage("not-found", "/articles/nobody-wrote-this/", status=404)
    yield PublicPage("search", "/search/?q=bridge")
    yield PublicPage("search-russian", "/ru/search/?q=bridge")
    yield PublicPage("search-nothing", "/search/?q=zeppelin")
    yield PublicPage("archive", "/archive/")
    yield PublicPage("archive-russian", "/ru/archive/")
    yield PublicPage("archive-month", _month_path)

    yield PublicPage("newsletters", "/newsletter/")
    yield PublicPage("newsletter", f"/newsletter/{LETTER}/")
    yield PublicPage("sign-up-refused", f"/newsletter/{LETTER}/", status=422, act=_send_unchecked("main .box form"))
    yield PublicPage("check-mail", f"/newsletter/{LETTER}/check-your-mail/")
    yield PublicPage("confirm", _confirm_path)
    yield PublicPage("confirm-expired", "/newsletter/confirm/nothing/", status=410)
    yield PublicPage("welcome", f"/newsletter/{LETTER}/welcome/")
    yield PublicPage("unsubscribe", lambda: _path_with_token("unsubscribe", _subscription("active")))
    yield PublicPage("unsubscribed", _path_of_somebody_leaving, act=_press("Unsubscribe"))
    yield PublicPage("preferences", lambda: _path_with_token("preferences", _subscription("active")))
    yield PublicPage("issues", f"/newsletter/{LETTER}/issues/")
    yield PublicPage("issue", _issue_path)
    yield PublicPage("issue-sample", f"/newsletter/{LETTER}/preview/")
    yield PublicPage("privacy", "/privacy/2026-09/en/")

    yield PublicPage("support", "/support/")
    yield PublicPage("support-refused", "/support/?frequency=monthly&monthly_amount=other&monthly_other=1&currency=USD")
    yield PublicPage("attempt", f"/support/{NOBODY}/?{chosen}")
    yield PublicPage(
        "attempt-refused", f"/support/{NOBODY}/?{chosen}", status=422, act=_send_unchecked(".give-details")
    )
    yield PublicPage("attempt-again", f"/support/{_attempt('failed')}/")
    for state in ("started", "pending", "given", "failed", "returned"):
        yield PublicPage(f"thanks-{state}", f"/support/{_attempt(state)}/thanks/")

    yield PublicPage("go", _go_path)
    yield PublicPage("go-over", f"/support/{NOBODY}/go/nothing/", status=410)

    yield PublicPage("remind", "/remind/")
    yield PublicPage("remind-refused", "/remind/", status=422, act=_send_unchecked(".remind-form"))
    yield PublicPage("remind-noted", "/remind/noted/?day=2027-01-20&language=en")
    yield PublicPage("remind-confirm", lambda: _reminder_path(Reminder.State.PENDING))
    yield PublicPage("remind-set", lambda: _reminder_path(Reminder.State.CONFIRMED))
    yield PublicPage("remind-ended", f"/remind/{NOBODY}/", status=410)
    yield PublicPage("remind-cancel", _cancel_path)


PAGES = list(_pages())

# The addresses that no reader sees as a page, or only after the page that is listed above; each with its reason.
NO_PAGES = {
    "feed edition-feed section-feed author-feed tag-feed search-feed subscriptions:issue_feed": "a feed",
    "sitemap sitemap-places sitemap-news sitemap-month robots humans security": "for machines and the curious",
    "subscriptions:my_data donations:mine-export donations:mine-statement": "a file of one's own",
    "subscriptions:provider_events donations:stripe-webhook": "for other servers",
    "subscriptions:policy subscriptions:current_policy": "leads to the text that is listed, or shows the same",
    "edition-archive-month subscriptions:edition-current_policy subscriptions:edition-newsletters": "in Russian",
    "subscriptions:policy_changes": "needs a second version; the page is one list",
    "subscriptions:sign_up subscriptions:give_reason donations:sent": "the answer to a form on a listed page",
    "subscriptions:embedded subscriptions:embedded_check_mail": "the form in another site's frame, tested with one",
    "subscriptions:renew_consent": "one button behind a mailed link, like the page that confirms",
    "subscriptions:shared_preview subscriptions:shared_mail": "the desk's own, tested there",
    "subscriptions:mine subscriptions:ask_for_visit subscriptions:visit_asked subscriptions:open_visit "
    "subscriptions:change_newsletter subscriptions:change_language subscriptions:change_address "
    "subscriptions:address_asked subscriptions:confirm_address subscriptions:erase_me subscriptions:leave "
    "donations:mine donations:mine-erase donations:mine-open donations:mine-cancel donations:mine-stopped "
    "donations:mine-change": "behind a mailed link, with a cookie of its own (test_own_pages.py)",
}
