from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.checks import run_checks

from newsroom.checks import languages_are_known
from newsroom.providers import PROVIDERS, provider_of

SAFE = {
    "ENVIRONMENT": "production",
    "IS_PRODUCTION": True,
    "DEBUG": False,
    "DATABASE_URL": "postgresql://newsroom@db.example/newsroom",
    "REDIS_URL": "redis://redis.example/0",
    "CACHE_URL": "redis://cache.example/0",
    "EMAIL_URL": "smtp+starttls://user:secret@mail.example:587",
    "SITE_URL": "https://meridian.example",
    "SITE_HOST": "meridian.example",
    "TRUSTED_PROXIES": 1,
    "STAFF_SECOND_FACTOR": True,
    "CONSENT_ANCHOR": "anchors@archive.example",
    "BACKUP_RECIPIENTS": ["age1y0xazv0l3sjfhrpn2zlj6vf2ydvkf4eafl4npxy9smfgfw8m7qnslymfk3"],
    "OFFSITE_LIST": "https://newsroom:invented@list.example/",
}


@pytest.fixture
def production(settings: Any) -> Any:
    for name, value in SAFE.items():
        setattr(settings, name, value)
    return settings


def ids() -> set[str]:
    return {
        str(message.id)
        for message in run_checks(include_deployment_checks=True)
        if str(message.id).startswith("newsroom.")
    }


def test_sound_production_has_no_complaint(production: Any) -> None:
    assert ids() == set()


@pytest.mark.parametrize(
    ("name", "value", "check_id"),
    [
        ("ENVIRONMENT", "staging", "newsroom.E009"),
        ("DEBUG", True, "newsroom.E010"),
        ("CACHE_URL", "unix:///tmp/newsroom.sandbox-x/cache.sock?db=0", "newsroom.E012"),
        ("DATABASE_URL", "", "newsroom.E011"),
        ("DATABASE_URL", "postgresql://x@/newsroom?host=/srv/site/.sandbox/pg", "newsroom.E012"),
        ("EMAIL_URL", "", "newsroom.E013"),
        ("SITE_URL", "http://meridian.example", "newsroom.E014"),
        ("SITE_URL", "https://meridian.example/paper", "newsroom.E015"),
        ("CACHE_URL", "redis://redis.example/0", "newsroom.W016"),
        ("TRUSTED_PROXIES", 0, "newsroom.W017"),
        ("CONSENT_ANCHOR", "", "newsroom.W018"),
        ("ONION_URL", "http://meridian.onion", "newsroom.E040"),
        # One letter of a real address is wrong, so its checksum is.
        ("ONION_URL", "http://2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wie.onion", "newsroom.E040"),
        ("STAFF_SECOND_FACTOR", False, "newsroom.E030"),
        ("CONSENT_KEYS", {}, "newsroom.E001"),
        ("CONSENT_KEYS", {"k1": "short"}, "newsroom.E002"),
    ],
)
def test_unsafe_production_is_refused_by_name(production: Any, name: str, value: Any, check_id: str) -> None:
    setattr(production, name, value)
    assert check_id in ids()


@pytest.mark.parametrize(
    ("url", "secret", "expected"),
    [
        ("mailgun://key@meridian.example", "a:b", set()),
        ("mailgun://meridian.example", "a:b", {"newsroom.E019"}),
        ("mailjet://key@", "a:b", {"newsroom.E019"}),
        ("mailgun://key@meridian.example", "", {"newsroom.W021"}),
        ("mailgun://key@meridian.example", "ab", {"newsroom.E022"}),
        ("brevo://key@", "a:b", {"newsroom.E020"}),
        ("sendgrid://key@", "a:b", {"newsroom.E018"}),
    ],
)
def test_a_provider_that_is_unknown_unsafe_or_half_configured_is_refused(
    production: Any, url: str, secret: str, expected: set[str]
) -> None:
    parts = urlsplit(url)
    production.EMAIL_URL, production.MAIL_WEBHOOK_SECRET = url, secret
    production.MAIL_PROVIDER = provider = provider_of(parts)
    production.ANYMAIL = {} if provider is None else provider.settings_from(parts)

    assert ids() == expected


def test_a_tracking_provider_is_taken_on_the_operators_word(production: Any) -> None:
    production.EMAIL_URL, production.MAIL_WEBHOOK_SECRET = "brevo://key@", "a:b"
    production.MAIL_PROVIDER = PROVIDERS["brevo"]
    production.ANYMAIL, production.ALLOW_PROVIDER_TRACKING = {"BREVO_API_KEY": "key"}, True

    assert ids() == set()


@pytest.mark.parametrize(
    ("name", "value", "check_id"),
    [("BOUNCES_URL", "pop3://x", "newsroom.E023"), ("BOUNCE_ADDRESS", "bounces", "newsroom.E024")],
)
def test_reports_need_a_mailbox_that_can_be_read(production: Any, name: str, value: str, check_id: str) -> None:
    setattr(production, name, value)
    assert check_id in ids()


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ("en ru uk ar pt-br", set()),
        ("en xx", {"newsroom.E025"}),
        ("en en", {"newsroom.E025"}),
        ("ru", {"newsroom.E026"}),
    ],
)
def test_languages_are_known_and_english_is_one(settings: Any, codes: str, expected: set[str]) -> None:
    settings.LANGUAGES = [(code, code) for code in codes.split()]
    assert {one.id for one in languages_are_known(None)} == expected


def test_one_secret_for_two_purposes_is_refused(production: Any) -> None:
    production.CONSENT_KEYS = production.SUPPRESSION_KEYS
    assert "newsroom.E003" in ids()


def test_development_machine_is_left_in_peace(settings: Any) -> None:
    settings.IS_PRODUCTION = False
    assert ids() == set()
