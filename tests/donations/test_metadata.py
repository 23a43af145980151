"""What Stripe's objects carry of ours comes back as it went."""

import uuid
from typing import Any

import pytest
from stripe._api_version import _ApiVersion

from donations.metadata import BadMetadata, GiftMetadata, decode
from donations.stripe_api import API_VERSION

FULL = GiftMetadata(uuid.UUID(int=7), "monthly", fee_cover=46, language="ru", article=3, appeal=4, campaign="spring")


@pytest.mark.parametrize("gift", [FULL, GiftMetadata(uuid.UUID(int=8), "once")])
def test_what_is_written_is_read_back(gift: GiftMetadata) -> None:
    encoded = gift.encode()
    assert all(isinstance(value, str) and 0 < len(value) <= 500 for value in encoded.values())
    assert len(encoded) < 50
    assert decode(encoded) == gift


@pytest.mark.parametrize("metadata", [{}, {"site": "testserver"}, {"newsroom_attempt": str(uuid.UUID(int=7))}])
def test_metadata_of_others_is_not_ours(metadata: dict[str, str]) -> None:
    assert decode(metadata) is None


def test_another_newsroom_on_the_same_account_is_not_us(settings: Any) -> None:
    encoded = FULL.encode()
    settings.ALLOWED_HOSTS = ["other.example"]
    assert decode(encoded) is None


@pytest.mark.parametrize(
    "spoil", [{"newsroom_attempt": "x"}, {"newsroom_frequency": "weekly"}, {"newsroom_article": "x"}]
)
def test_our_metadata_that_cannot_be_read_is_an_error_and_not_somebody_elses(spoil: dict[str, str]) -> None:
    with pytest.raises(BadMetadata):
        decode({**FULL.encode(), **spoil})


def test_the_version_of_the_api_is_the_one_that_the_installed_sdk_was_made_for() -> None:
    assert _ApiVersion.CURRENT == API_VERSION
