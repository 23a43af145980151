"""Mail through a provider's interface, over real HTTP: each reader has a header of their own, and an outcome."""

from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from anymail.exceptions import AnymailInvalidAddress
from anymail.utils import parse_address_list
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from newsroom import mail, outbox, provider_api
from newsroom.models import OutgoingMail
from newsroom.providers import PROVIDERS
from subscriptions import claims, rendering, sending
from subscriptions.clock import steady
from subscriptions.models import Delivery, Issue, Newsletter
from subscriptions.transports import Envelope, Letter, Outcome, TransportDown, Verdict
from subscriptions.transports.http import HttpTransport
from tests.subscriptions.factories import NOW, make_subscription
from tests.subscriptions.issue_factories import make_sending_issue
from tests.subscriptions.provider_server import Plan, ProviderServer, always_good

MARKER = "markermarker"
LETTER = Letter(
    sender="Редакция <friday@meridian.example>",
    subject="The week {{ and %recipient.x%",
    text=f"Bees {{{{ cost 5 %recipient.evil% .\nhttps://x.example/u/{MARKER}/\n",
    html=f"<p>Bees {{{{evil}}}} [[x]]</p><a href='https://x.example/u/{MARKER}/'>leave</a>",
    headers={"List-Unsubscribe-Post": "List-Unsubscribe=One-Click", "Reply-To": "desk@meridian.example"},
    personal_headers={"List-Unsubscribe": f"<https://x.example/u/{MARKER}/>"},
    marker=MARKER,
)


@given(st.emails() | st.from_regex(r"[!-~]{1,12}@[!-~]{1,12}", fullmatch=True))
def test_plain_addresses_are_read_as_anymail_reads_them(address: str) -> None:
    try:
        expected = parse_address_list([address])
    except AnymailInvalidAddress:
        with pytest.raises(AnymailInvalidAddress):
            provider_api.recipients([address])
        return
    parts = [(one.username, one.domain, one.addr_spec, one.format(), str(one), one.display_name) for one in expected]
    found = provider_api.recipients([address])
    assert [
        (one.username, one.domain, one.addr_spec, one.format(), str(one), one.display_name) for one in found
    ] == parts


@pytest.fixture
def use_provider(settings: Any) -> Callable[..., None]:
    def use(server: ProviderServer, scheme: str = "mailgun") -> None:
        provider = PROVIDERS[scheme]
        url = urlsplit(f"{scheme}://key:secret@meridian.example?api_url={server.url}")
        settings.MAIL_PROVIDER, settings.ANYMAIL = provider, provider.settings_from(url)

    return use


@pytest.fixture
def _no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provider_api, "TIMEOUT", (2.0, 1.0))


def envelopes(count: int) -> list[Envelope]:
    return [
        Envelope(
            delivery_id=number,
            sender="friday@meridian.example",
            recipient=f"reader{number}@example.org",
            key=f"{number:032x}",
            letter=LETTER,
            token=f"token-of-{number}",
        )
        for number in range(count)
    ]


def send(count: int, scheme: str = "mailgun", *, seconds: float = 60.0) -> dict[int, Outcome]:
    transport = HttpTransport(PROVIDERS[scheme])
    outcomes = [one for some in transport.send(envelopes(count), deadline=steady() + seconds) for one in some]
    transport.close()
    assert sorted(one.delivery_id for one in outcomes) == list(range(count))
    return {one.delivery_id: one for one in outcomes}


def verdicts(outcomes: dict[int, Outcome]) -> Counter[Verdict]:
    return Counter(one.verdict for one in outcomes.values())


def test_a_window_is_one_call_with_a_header_and_a_key_for_each_reader(use_provider: Callable[..., None]) -> None:
    with ProviderServer() as server:
        use_provider(server)
        outcomes = send(30)

    (call,) = server.calls
    assert verdicts(outcomes) == {Verdict.ACCEPTED: 30}
    assert len(call["to"]) == 30
    assert server.taken == Counter({f"{number:032x}": 1 for number in range(30)})
    assert call["h:List-Unsubscribe"] == "%recipient.h:List-Unsubscribe%"
    assert call["h:List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert call["recipient-variables"]["reader7@example.org"] == {
        "token": "token-of-7",
        "v:delivery": f"{7:032x}",
        "h:List-Unsubscribe": "<https://x.example/u/token-of-7/>",
    }
    assert "https://x.example/u/%recipient.token%/" in call["text"]
    assert "https://x.example/u/%recipient.token%/" in call["html"]
    assert (call["o:tracking-opens"], call["o:tracking-clicks"]) == ("no", "no")
    # What an author wrote is no placeholder, though it looks the same.
    assert "%recipient.evil%" not in call["text"] + call["subject"]
    assert "cost 5 %\u2060recipient.evil% ." in call["text"]


@pytest.mark.parametrize("scheme", sorted(set(PROVIDERS) - {"mailgun"}))
def test_every_provider_gets_the_header_and_the_key_of_each_reader(
    scheme: str, use_provider: Callable[..., None]
) -> None:
    with ProviderServer() as server:
        use_provider(server, scheme)
        outcomes = send(3, scheme)

    said = str(server.calls)
    assert verdicts(outcomes) == {Verdict.ACCEPTED: 3}
    assert len(server.calls) == 1
    for number in range(3):
        assert f"{number:032x}" in said
        assert f"<https://x.example/u/token-of-{number}/>" in said
        assert f"'token': 'token-of-{number}'" in said
    assert said.count("List-Unsubscribe=One-Click") >= 1
    assert MARKER not in said
    assert "{{evil}}" not in said
    assert PROVIDERS[scheme].placeholder.format(name="token") in said


def test_one_bad_address_is_found_and_the_others_are_sent_to(use_provider: Callable[..., None]) -> None:
    bad = {"reader3@example.org", "reader17@example.org"}
    with ProviderServer(lambda count, recipients: 400 if bad & set(recipients) else None) as server:
        use_provider(server)
        outcomes = send(20)

    assert {pk for pk, one in outcomes.items() if one.verdict is Verdict.REFUSED} == {3, 17}
    assert verdicts(outcomes) == {Verdict.ACCEPTED: 18, Verdict.REFUSED: 2}
    assert max(server.taken.values()) == 1
    assert len(server.taken) == 18
    assert "@" not in outcomes[3].reply


def test_a_letter_that_is_refused_for_everyone_is_not_held_against_readers(use_provider: Callable[..., None]) -> None:
    with ProviderServer(lambda count, recipients: 400) as server:
        use_provider(server)
        outcomes = send(300)

    assert verdicts(outcomes) == {Verdict.BLOCKED: 300}
    assert server.count < 40


def test_a_refused_account_is_the_houses_fault(use_provider: Callable[..., None]) -> None:
    with ProviderServer(lambda count, recipients: 401) as server:
        use_provider(server)
        outcomes = send(5)

    assert verdicts(outcomes) == {Verdict.BLOCKED: 5}
    assert server.count == 1


@pytest.mark.parametrize("status", [429, 503])
def test_a_provider_that_asks_for_patience_gets_it(status: int, use_provider: Callable[..., None]) -> None:
    began = steady()
    with ProviderServer(lambda count, recipients: status if count == 1 else None) as server:
        use_provider(server)
        outcomes = send(4)

    assert verdicts(outcomes) == {Verdict.ACCEPTED: 4}
    assert server.count == 2
    assert steady() - began >= 1.0
    assert max(server.taken.values()) == 1


def test_a_provider_that_takes_nothing_is_down_and_no_try_is_counted(use_provider: Callable[..., None]) -> None:
    with ProviderServer(lambda count, recipients: 429) as server:
        use_provider(server)
        with pytest.raises(TransportDown):
            send(4, seconds=1.5)


def test_no_connection_is_down(use_provider: Callable[..., None]) -> None:
    with ProviderServer() as server:
        use_provider(server)
    with pytest.raises(TransportDown):
        send(4, seconds=1.5)


@pytest.mark.usefixtures("_no_patience")
@pytest.mark.parametrize("what", ["hang", "drop", "garble", 500, 502])
def test_a_call_without_an_answer_leaves_its_window_unknown_and_is_not_repeated(
    what: int | str, use_provider: Callable[..., None]
) -> None:
    with ProviderServer(lambda count, recipients: what) as server:
        use_provider(server)
        outcomes = send(6)

    assert verdicts(outcomes) == {Verdict.UNKNOWN: 6}
    assert server.count == 1


def test_nothing_is_called_after_the_deadline(use_provider: Callable[..., None]) -> None:
    with ProviderServer() as server:
        use_provider(server)
        with pytest.raises(TransportDown):
            send(3, seconds=-1)

    assert server.count == 0


@pytest.mark.parametrize(("scheme", "verdict"), [("mailjet", Verdict.DEFERRED), ("sparkpost", Verdict.UNKNOWN)])
def test_a_partial_answer_is_read_for_each_recipient(
    scheme: str, verdict: Verdict, use_provider: Callable[..., None]
) -> None:
    """Anymail counts a batch as one message and is silent about a refusal of some: the statuses are the truth."""
    with ProviderServer(lambda count, recipients: "partly") as server:
        use_provider(server, scheme)
        outcomes = send(3, scheme)

    assert outcomes[0].verdict is verdict
    # SparkPost tells only how many it refused, so nobody of that batch is known.
    assert outcomes[1].verdict is (Verdict.ACCEPTED if scheme == "mailjet" else verdict)


# Through the whole product


@pytest.mark.django_db
def test_an_issue_leaves_through_the_provider(newsletter: Newsletter, use_provider: Callable[..., None]) -> None:
    for number in range(5):
        make_subscription(newsletter=newsletter, email=f"reader{number}@example.org")
    issue = make_sending_issue(newsletter=newsletter)
    with ProviderServer() as server:
        use_provider(server)
        turn = sending.send_issue(issue.pk)

    issue.refresh_from_db()
    (call,) = server.calls
    assert (turn.accepted, issue.state) == (5, Issue.State.SENT)
    assert set(server.taken) == {uuid.hex for uuid in Delivery.objects.values_list("uuid", flat=True)}
    assert call["from"] == "The Meridian <friday@meridian.example>"
    assert call["h:List-Id"] == '"The Friday Letter" <' + newsletter.list_id + ">"
    for values in call["recipient-variables"].values():
        assert values["h:List-Unsubscribe"].endswith(f"/newsletter/unsubscribe/{values['token']}/>")


@pytest.mark.django_db
@pytest.mark.usefixtures("_no_patience")
def test_a_window_without_an_answer_waits_for_an_editor_and_is_then_sent_again(
    newsletter: Newsletter, use_provider: Callable[..., None]
) -> None:
    for number in range(3):
        make_subscription(newsletter=newsletter, email=f"reader{number}@example.org")
    issue = make_sending_issue(newsletter=newsletter)
    with ProviderServer(lambda count, recipients: "hang" if count == 1 else None) as server:
        use_provider(server)
        sending.send_issue(issue.pk)
        assert claims.progress(issue, at=NOW).counts["unknown"] == 3
        server.released.set()
        sending.send_issue(issue.pk)
        assert server.count == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("plan", "state"),
    [
        (always_good, "sent"),
        (lambda count, recipients: 400, "failed"),
        (lambda count, recipients: 429, "queued"),
        (lambda count, recipients: 401, "queued"),
        (lambda count, recipients: 500, "unknown"),
    ],
)
def test_single_mails_go_the_same_way(plan: Plan, state: str, use_provider: Callable[..., None]) -> None:
    row = mail.queue_mail(
        key="k1", template="notice", to="reader1@example.org", context={"title": "Hello", "words": "x"}
    )
    with ProviderServer(plan) as server:
        use_provider(server)
        outbox.deliver(row.pk)

    row = OutgoingMail.objects.get()
    assert row.state == state
    if state == "sent":
        assert list(server.taken) == [row.report_key]
        assert server.calls[0]["h:Message-Id"] == row.message_id


@pytest.mark.django_db
def test_the_claim_that_nothing_is_measured_goes_with_a_provider_that_measures(
    newsletter: Newsletter, client: Client, settings: Any
) -> None:
    issue = make_sending_issue(newsletter=newsletter)
    assert "Nothing measures" in client.get("/newsletter/friday/").content.decode()
    assert "does not measure" in rendering.render(issue, at=NOW).mail_text

    settings.MAIL_PROVIDER = PROVIDERS["brevo"]

    assert "measure" not in client.get("/newsletter/friday/").content.decode()
    assert "measure" not in rendering.render(issue, at=NOW).mail_text + rendering.render(issue, at=NOW).mail_html
