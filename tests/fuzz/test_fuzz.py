"""Every address and every form of the site, with whatever a stranger may send: no error, no markup of theirs, no flood.

The addresses are the resolver's, and the fields those of the forms in the rendered pages, so that a new page is fuzzed
without a word here. `FUZZ_EXAMPLES` makes the run longer (`make fuzz`); it prints its count.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from redis import Redis

from sandbox.stripe.testing import StripeSandbox
from subscriptions import unsubscribing
from subscriptions.models import Issue
from tests.donations.conftest import _stripe_process, stripe_sandbox  # noqa: F401 - fixtures.
from tests.donations.factories import make_amount_rules, make_donation, make_payment, make_recurring_gift
from tests.donations.reminder_factories import make_choices, make_reminder
from tests.fuzz.addresses import Address, all_addresses
from tests.fuzz.forms import Form, forms_in
from tests.newsroom.factories import make_article, make_author, make_page, make_section, make_tag
from tests.subscriptions.factories import make_newsletter, make_subscription
from tests.subscriptions.issue_factories import make_issue

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "40"))
IS_SHORT = EXAMPLES < 1000

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(7200)]

MARK = "zq7x"
MARKUP = f"\"'><{MARK} onload=1>"
# A page that asks the database more often than this does work that a stranger's text decides about.
MOST_QUERIES = {False: 80, True: 250}

HOSTILE = [
    "",
    " ",
    "0",
    "-1",
    "1e400",
    "NaN",
    "99999999999999999999999999",
    "٣",
    "\x00",
    "a\x00b",
    "a\r\nSet-Cookie: x=1",
    MARKUP,
    f"</textarea></script><{MARK}>",
    f"{{{{ {MARK} }}}}",
    "{% debug %}",
    "%s%n",
    "%00",
    "../../../../etc/passwd",
    "//evil.example/",
    "https://evil.example/",
    "javascript:alert(1)",
    "' OR 1=1 --",
    "\ud7ff\u202e\ufeff",
    "a" * 9000,
    "9999-99-99",
    "0000-00-00T00:00",
    "a@b",
    f'"<{MARK}>"@example.org',
    "xn--zzzzzzzzz.example",
    "[]",
    '{"a": [1]}',
    "k1." + "A" * 43,
]
QUERY = [
    *("q", "p", "o", "e", "all", "_popup", "_to_field", "_changelist_filters", "next", "action", "_selected_action"),
    *("status__exact", "state__exact", "id__in", "pk__gt", "created_at__year", "email__regex", "password__startswith"),
    *("page", "language", "format", "amount", "currency", "frequency", "article", "before", "after", "utm_campaign"),
]
CONTENT_TYPES = [
    "application/json",
    "text/plain",
    "multipart/form-data; boundary=x",
    "application/x-www-form-urlencoded",
]

texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=60))


class Site:
    """A small outlet, its addresses, and two who come: a stranger and a member of the staff with every right."""

    def __init__(self, staff: Client) -> None:
        self.addresses = all_addresses()
        self.known = _build()
        self.cookies = {False: Client().cookies, True: staff.cookies}
        self.redis = [Redis.from_url(url) for url in {django_settings.REDIS_URL, django_settings.CACHE_URL}]
        self.forms: dict[tuple[str, bool], list[Form]] = {}
        self.count: Counter[str] = Counter()
        self.public = [address for address in self.addresses if not address.is_staff]

    def client(self, *, is_staff: bool) -> Client:
        client = Client()
        client.cookies.update(self.cookies[is_staff])
        return client

    def values(self, address: Address) -> dict[str, str]:
        """Return values under which an address shows something."""
        found = {name: self.known.get(name, "1") for name in address.parameters}
        if "object_id" in found:
            found["object_id"] = self.known.get(address.text.rsplit("<object_id>", 1)[0].strip("/"), "1")
        return found

    def forms_of(self, address: Address, *, is_staff: bool) -> list[Form]:
        """Ask once for a page as it is meant to be, and return the forms in it, each with where it leads."""
        if (address.text, is_staff) not in self.forms:
            path = address.filled(self.values(address))
            response = self.ask(lambda client: client.get(path), is_staff=is_staff, path=path)
            is_page = "html" in response.get("Content-Type", "") and not response.streaming
            found = forms_in(response.content.decode()) if is_page else []
            for form in found:
                form.action = form.action.partition("?")[0].partition("#")[0] or path
            self.forms[address.text, is_staff] = [form for form in found if form.action.startswith("/")]
        return self.forms[address.text, is_staff]

    def ask(self, act: Callable[[Client], Any], *, is_staff: bool, path: str) -> HttpResponse:
        """Do one request, look at the answer, and undo what it did."""
        for redis in self.redis:
            redis.flushdb()
        with (
            transaction.atomic(),
            CaptureQueriesContext(
                connection,
            ) as queries,
        ):
            response = act(self.client(is_staff=is_staff))
            transaction.set_rollback(True)
        self.count["requests"] += 1
        self.count[f"{response.status_code // 100}xx"] += 1
        assert response.status_code < 500, f"{response.status_code} at {path!r}"
        assert len(queries) <= MOST_QUERIES[is_staff], f"{len(queries)} queries at {path!r}"
        if "html" in response.get("Content-Type", "") and not response.streaming:
            assert f"<{MARK}".encode() not in response.content, f"markup of a stranger at {path!r}"
        assert "Set-Cookie: x" not in str(response.headers)
        where = response.get("Location", "")
        assert "evil.example" not in where.partition("?")[0], f"an open redirect at {path!r}"
        return response


def _build() -> dict[str, str]:
    """Make one of most things, and return the values by which addresses find them."""
    section, author, tag, page = make_section(), make_author(), make_tag(), make_page()
    article = make_article(section=section, authors=[author], tags=[tag])
    make_amount_rules()
    make_choices()
    newsletter = make_newsletter()
    subscription = make_subscription(newsletter=newsletter)
    issue = make_issue(newsletter=newsletter, articles=[article])
    donation, reminder = make_donation(), make_reminder()
    make_payment(donation=donation)
    make_recurring_gift(donation=donation)
    known = {
        "slug": article.slug,
        "language": "ru",
        "kind": "rss",
        "year": "2026",
        "month": "11",
        "token": unsubscribing.token(subscription.link_id),
        "issue_date": issue.issue_date.isoformat(),
        "attempt_key": str(donation.attempt_key),
        "key": str(reminder.key),
        "app_label": "newsroom",
        "url": page.slug,
    }
    for model in apps.get_models():
        first = model._default_manager.order_by("pk").values_list("pk", flat=True).first()
        if first is not None:
            known[f"admin/{model._meta.app_label}/{model._meta.model_name}"] = str(first)
    assert Issue.objects.exists()
    return known


@pytest.fixture
def site(db: None, staff_client: Client, stripe_sandbox: StripeSandbox) -> Iterator[Site]:  # noqa: F811
    site = Site(staff_client)
    yield site
    for redis in site.redis:
        redis.close()


def test_whatever_a_stranger_sends_is_answered(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(site.addresses) > 150
    assert {"/newsletter/", "/support/", "/admin/account/login/"} <= {f"/{address.text}" for address in site.addresses}

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=IS_SHORT,
        database=None,
        phases=[Phase.generate] if IS_SHORT else [Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def strangers(data: st.DataObject) -> None:
        fuzz_one(site, data)

    strangers()
    words = ", ".join(f"{site.count[name]} {name}" for name in sorted(site.count))
    with capsys.disabled():
        print(f"\nfuzz: {len(site.addresses)} addresses, {words}; no 500, no reflected markup")  # noqa: T201


def test_what_fuzzing_found_stays_mended(client: Client, staff_client: Client) -> None:
    for path in ("/%00/", "/privacy/%00/", "/articles/a%00b/", "/search/?q=%00", "/newsletter/confirm/%00/"):
        assert client.get(path).status_code == 400, path
    # Django leads from an object that is not there to the staff's front page.
    assert staff_client.get("/admin/subscriptions/subscriberimport/%20/change/").status_code == 302


def fuzz_one(site: Site, data: st.DataObject) -> None:
    """Send one request: an address or a form with one to four things spoiled, or a body of any bytes."""
    is_staff = data.draw(st.booleans(), label="staff")
    # A stranger is led from nearly every page of the staff to the log-in.
    address = data.draw(st.sampled_from(site.addresses if is_staff else site.public), label="address")
    values = site.values(address)
    spoiled = data.draw(st.sets(st.sampled_from(sorted(values)), max_size=2)) if values else set()
    path = address.filled({name: data.draw(texts) if name in spoiled else value for name, value in values.items()})
    wrong = data.draw(st.dictionaries(st.sampled_from(QUERY), texts, max_size=3), label="query")
    match data.draw(st.sampled_from(["get", "form", "form", "form", "raw"]), label="kind"):
        case "form" if forms := site.forms_of(address, is_staff=is_staff):
            form = data.draw(st.sampled_from(forms), label="form")
            names = st.sampled_from([*form.fields, *QUERY])
            body = form.fields | data.draw(st.dictionaries(names, texts, min_size=1, max_size=4), label="fields")
            site.count["forms"] += 1
            if form.method == "post":
                site.ask(lambda client: client.post(form.action, body), is_staff=is_staff, path=form.action)
            else:
                site.ask(lambda client: client.get(form.action, body), is_staff=is_staff, path=form.action)
        case "raw":
            content = data.draw(st.binary(max_size=200))
            content_type = data.draw(st.sampled_from(CONTENT_TYPES))
            site.ask(lambda client: client.generic("POST", path, content, content_type), is_staff=is_staff, path=path)
        case _:
            site.ask(lambda client: client.get(path, wrong), is_staff=is_staff, path=path)
