"""Each key is changed while what the old one wrote is in use: links, sessions, hashes, the ledger, events."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from donations.models import StripeEvent
from newsroom import bounces, tokens
from newsroom.models import SoftBounces, Suppression
from newsroom.suppressions import is_suppressed, lift, suppress
from subscriptions import ledger, unsubscribing
from subscriptions.models import Consent
from tests.donations.signing import signature_of
from tests.subscriptions.factories import make_newsletter, make_subscription

pytestmark = pytest.mark.django_db

ADDRESS = "reader@example.org"
NEW = {"k9": "99" * 32}


def test_links_of_old_mails_end_a_newsletter_under_a_new_key(client: Client, settings: Any) -> None:
    subscription = make_subscription()
    old = unsubscribing.token(subscription.link_id)
    settings.UNSUBSCRIBE_KEYS = NEW | settings.UNSUBSCRIBE_KEYS
    new = unsubscribing.token(subscription.link_id)
    assert (old.partition(".")[0], new.partition(".")[0]) == ("k2", "k9")
    assert unsubscribing.read(new) == unsubscribing.read(old)
    answer = client.post(f"/newsletter/unsubscribe/{old}/", {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    subscription.refresh_from_db()
    assert subscription.state == "unsubscribed"
    settings.UNSUBSCRIBE_KEYS = NEW
    with pytest.raises(unsubscribing.BadToken):
        unsubscribing.read(old)


def test_who_must_not_be_written_to_is_known_under_a_new_key(settings: Any) -> None:
    at = timezone.now()
    scope = Suppression.Scope.EVERYTHING
    suppress(ADDRESS, reason=Suppression.Reason.ERASED, scope=scope, at=at)
    bounces.heard(ADDRESS, status_code="4.2.2", at=at)
    settings.SUPPRESSION_KEYS = NEW | settings.SUPPRESSION_KEYS
    assert is_suppressed(ADDRESS, scope=scope)
    suppress(ADDRESS, reason=Suppression.Reason.ERASED, scope=scope, at=at)
    assert lift(ADDRESS, reasons=[Suppression.Reason.ERASED]) == 2
    assert not is_suppressed(ADDRESS, scope=scope)
    bounces.heard(ADDRESS, status_code="4.2.2", at=at + timedelta(days=1))
    assert list(SoftBounces.objects.values_list("count", flat=True)) == [2]


def test_the_ledger_goes_on_under_a_new_key_and_needs_the_old_one(settings: Any) -> None:
    newsletter = make_newsletter()
    make_subscription(newsletter=newsletter)
    settings.CONSENT_KEYS = NEW | settings.CONSENT_KEYS
    make_subscription(newsletter=newsletter)
    assert set(Consent.objects.values_list("key_id", flat=True)) == {"k1", "k9"}
    assert list(ledger.faults()) == []
    settings.CONSENT_KEYS = NEW
    assert "k1 is not among CONSENT_KEYS" in str(next(iter(ledger.faults())))


def test_mailed_links_and_sessions_outlive_a_new_secret_key(staff_client: Client, settings: Any) -> None:
    token = tokens.sign("purpose", "value")
    assert staff_client.get("/admin/newsroom/job/").status_code == 200
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 64, [settings.SECRET_KEY]
    assert tokens.read("purpose", token, max_age=timedelta(days=1)) == "value"
    assert tokens.read("purpose", tokens.sign("purpose", "newer"), max_age=timedelta(days=1)) == "newer"
    assert staff_client.get("/admin/newsroom/job/").status_code == 200
    settings.SECRET_KEY_FALLBACKS = []
    with pytest.raises(tokens.BadToken):
        tokens.read("purpose", token, max_age=timedelta(days=1))


def test_events_arrive_while_stripe_signs_with_both_secrets(client: Client, settings: Any) -> None:
    body = b'{"id": "evt_1", "object": "event", "type": "charge.updated", "created": 1795000000, "livemode": false}'
    old, new = "whsec_old", "whsec_new"
    moment, first = signature_of(body, old).split(",")
    both = f"{moment},{first},{signature_of(body, new, at=int(moment[2:])).split(',')[1]}"
    answers = []
    for secret, signature in ((old, both), (new, both), (new, f"{moment},{first}")):
        settings.STRIPE_WEBHOOK_SECRET = secret
        response = client.post(
            "/stripe/webhook/", body, content_type="application/json", headers={"Stripe-Signature": signature}
        )
        answers.append(response.status_code)
    assert answers == [200, 200, 400]
    assert StripeEvent.objects.count() == 1
