from typing import Any

import pytest
from django.core.checks import run_checks

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
    "CONSENT_ANCHOR": "anchors@archive.example",
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
        ("CONSENT_KEYS", {}, "newsroom.E001"),
        ("CONSENT_KEYS", {"k1": "short"}, "newsroom.E002"),
    ],
)
def test_unsafe_production_is_refused_by_name(production: Any, name: str, value: Any, check_id: str) -> None:
    setattr(production, name, value)
    assert check_id in ids()


def test_one_secret_for_two_purposes_is_refused(production: Any) -> None:
    production.CONSENT_KEYS = production.SUPPRESSION_KEYS
    assert "newsroom.E003" in ids()


def test_development_machine_is_left_in_peace(settings: Any) -> None:
    settings.IS_PRODUCTION = False
    assert ids() == set()
