"""People who try stolen cards are noticed by their declines; readers are asked for a mailed link meanwhile."""

import os
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from donations import card_testing, limiting, retention
from donations.models import CheckoutSession, Decline, Donation, Donor, RecurringGift
from donations.models.terms import current_terms
from newsroom import alarms, limits
from newsroom.models import OutgoingMail
from tests.donations.factories import make_payment
from tests.donations.living import enter
from tests.donations.reader import Reader

pytestmark = pytest.mark.django_db


def attack(declines: int = card_testing.FEWEST_DECLINES) -> None:
    at = timezone.now() - timedelta(minutes=5)
    Decline.objects.bulk_create(
        Decline(charge_id=f"ch_bad_{number}", code="generic_decline", at=at) for number in range(declines)
    )


def test_an_ordinary_hour_is_no_attack(db: None) -> None:
    at = timezone.now()
    assert not card_testing.is_under_attack(at)
    attack(card_testing.FEWEST_DECLINES - 1)
    assert not card_testing.is_under_attack(at)


def test_many_declines_among_many_more_payments_are_no_attack(db: None) -> None:
    attack()
    for _ in range(9):
        make_payment(created_at=timezone.now() - timedelta(minutes=5))
    assert not card_testing.is_under_attack(timezone.now())


def test_an_attack_ends_by_itself(db: None) -> None:
    attack()
    assert card_testing.is_under_attack(timezone.now())
    assert not card_testing.is_under_attack(timezone.now() + timedelta(hours=1))


def test_under_attack_a_mailed_button_leads_on(reader: Reader) -> None:
    attack()
    attempt = uuid.uuid4()
    response = reader.submit(attempt)
    assert response["Location"] == f"/support/{attempt}/sent/"
    assert not CheckoutSession.objects.exists()
    assert "Please look into your mailbox" in reader.open(response["Location"])
    mail = OutgoingMail.objects.get()
    assert (mail.template, mail.address) == ("give_link", "reader@example.org")
    link = mail.context["url"].replace("http://testserver", "")
    assert "Go on to the payment page" in reader.open(link)
    assert not CheckoutSession.objects.exists(), "looking at the link must start nothing"
    answer = reader.client.post(link)
    assert answer.status_code == 303
    assert CheckoutSession.objects.get().url == answer["Location"]


def test_pressing_again_under_attack_mails_no_second_link(reader: Reader) -> None:
    attack()
    attempt = uuid.uuid4()
    for _ in range(3):
        reader.submit(attempt)
    assert OutgoingMail.objects.count() == 1


def test_corrected_address_gets_its_own_link_and_the_old_one_is_dead(reader: Reader) -> None:
    attack()
    attempt = uuid.uuid4()
    reader.submit(attempt, email="raeder@example.org")
    reader.submit(attempt, email="reader@example.org")
    links = {mail.address: mail.context["url"].replace("http://testserver", "") for mail in OutgoingMail.objects.all()}
    assert set(links) == {"raeder@example.org", "reader@example.org"}
    assert reader.client.post(links["raeder@example.org"]).status_code == 410
    assert reader.client.post(links["reader@example.org"]).status_code == 303


def test_mailed_link_is_under_the_limits_and_ends_with_the_closed_form(reader: Reader) -> None:
    attack()
    reader.submit()
    link = OutgoingMail.objects.get().context["url"].replace("http://testserver", "")
    answers = {reader.client.post(link).status_code for _ in range(40)}
    assert 429 in answers
    terms = current_terms()
    terms.is_open = False
    terms.save()
    assert reader.client.post(link)["Location"] == "/support/"


@pytest.mark.parametrize("spoil", [lambda token: token + "x", lambda token: "x"])
def test_a_forged_link_leads_nowhere(reader: Reader, spoil: Any) -> None:
    attack()
    reader.submit()
    link = OutgoingMail.objects.get().context["url"].replace("http://testserver", "").rstrip("/")
    address, token = link.rsplit("/", 1)
    assert reader.client.post(f"{address}/{spoil(token)}/").status_code == 410
    assert not CheckoutSession.objects.exists()


def test_staff_are_alarmed_once(reader: Reader) -> None:
    attack()
    alarms.look(at=timezone.now())
    alarms.look(at=timezone.now())
    (mail,) = OutgoingMail.objects.filter(template="notice")
    assert mail.context["title"] == "Somebody is trying stolen cards"


def test_a_session_is_closed_after_five_refused_cards(reader: Reader) -> None:
    donation = reader.start()
    for _ in range(card_testing.MOST_DECLINES_PER_SESSION):
        assert reader.pay(donation, "4000000000000002")["error"] is not None
    reader.webhooks()
    assert donation.declines.count() == card_testing.MOST_DECLINES_PER_SESSION
    reader.tick()
    session = donation.sessions.get()
    assert session.state == "expired"
    donation.refresh_from_db()
    assert donation.state == "failed"
    assert reader.submit(donation.attempt_key).status_code == 303, "the reader may begin again"


def test_declines_are_counted_once_however_often_they_are_told(reader: Reader) -> None:
    donation = reader.start()
    reader.pay(donation, "4000000000000002")
    reader.webhooks(times=3, shuffle=1)
    assert donation.declines.count() == 1
    assert donation.sessions.get().declines == 1


def test_one_address_starts_only_so_many_payments(reader: Reader) -> None:
    statuses = [reader.submit().status_code for _ in range(10)]
    assert statuses[:8] == [303] * 8
    assert statuses[8:] == [429] * 2
    assert Donation.objects.count() == 8
    response = reader.submit()
    assert "No money was taken" in response.content.decode()


def test_one_network_starts_only_so_many_payments_whatever_headers_it_sends(reader: Reader) -> None:
    def press(number: int) -> int:
        values = {"frequency": "once", "amount": "2000", "currency": "USD", "email": f"reader{number}@example.org"}
        response = reader.client.post(
            f"/support/{uuid.uuid4()}/",
            values,
            REMOTE_ADDR="203.0.113.7",
            headers={"X-Forwarded-For": f"198.51.100.{number}", "X-Real-IP": f"198.51.100.{number}"},
        )
        return int(response.status_code)

    statuses = [press(number) for number in range(22)]
    assert statuses[:20] == [303] * 20
    assert statuses[20:] == [429] * 2


def press_from(reader: Reader, address: str, number: int) -> int:
    values = {"frequency": "once", "amount": "2000", "currency": "USD", "email": f"reader{number}@example.org"}
    return int(reader.client.post(f"/support/{uuid.uuid4()}/", values, REMOTE_ADDR=address).status_code)


def test_shared_networks_have_a_limit_of_their_own(
    reader: Reader, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = tmp_path / "exits.txt"
    listed.write_text("# Tor\n198.51.100.9\nnonsense\n2001:db8::1\n100.64.0.0/10\n")
    settings.SHARED_NETWORKS_FILE = str(listed)
    monkeypatch.setattr(limiting, "TOGETHER", "3/hour")
    monkeypatch.setattr(limiting, "PER_NETWORK", "1/hour")
    shared = ["127.0.0.1", "198.51.100.200", "100.100.1.1", "2001:db8::77"]
    assert [press_from(reader, address, number) for number, address in enumerate(shared)] == [303, 303, 303, 429]
    # Whoever tries cards from there shuts out nobody who comes from elsewhere.
    assert press_from(reader, "203.0.113.7", 10) == 303
    assert press_from(reader, "203.0.113.8", 11) == 429
    listed.write_text("203.0.113.0/24\n")
    os.utime(listed, ns=(1, 1))
    assert press_from(reader, "203.0.113.9", 12) == 429, "the list is read anew, and its limit is spent"
    settings.SHARED_NETWORKS_FILE = str(tmp_path / "missing.txt")
    assert press_from(reader, "192.0.2.1", 13) == 303


def test_without_redis_the_limits_hold_and_are_stricter(reader: Reader, settings: Any) -> None:
    settings.CACHE_URL = "unix:///nowhere/redis.sock?db=0"
    limits._shared.cache_clear()
    try:
        statuses = [reader.submit().status_code for _ in range(4)]
    finally:
        limits._shared.cache_clear()
    assert statuses == [303, 303, 429, 429], "a quarter of eight for one address"


def test_changing_a_card_is_under_the_limits_too(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limiting, "CARDS_PER_DONOR", "2/hour")
    reader.give(frequency="monthly", amount="500")
    gift = RecurringGift.objects.get()
    enter(reader, Donor.objects.get())
    statuses = [reader.client.post(f"/support/mine/{gift.pk}/card/").status_code for _ in range(3)]
    assert statuses == [303, 303, 429]


def test_declines_are_forgotten_after_their_time(db: None) -> None:
    attack(3)
    at = timezone.now()
    retention.end_declines(at - timedelta(days=1), at, False)
    assert Decline.objects.count() == 3
    retention.end_declines(at + timedelta(days=1), at, False)
    assert not Decline.objects.exists()
