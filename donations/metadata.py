"""What every object at Stripe carries of ours: written and read in one place, so no key is misspelt."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from donations.models import Donation, Frequency

PREFIX = "newsroom_"


class BadMetadata(Exception):
    """The object says that it is ours, but what it says further cannot be read."""


@dataclass(frozen=True)
class GiftMetadata:
    """A gift as Stripe's objects remember it: enough to write the donation again if the row were lost."""

    attempt_key: uuid.UUID
    frequency: str
    fee_cover: int = 0
    language: str = "en"
    article: int | None = None
    appeal: int | None = None
    campaign: str = ""
    # What each charge takes in minor units, where the object itself names no sum: a card that is saved before it is
    # charged.
    total: int = 0

    def encode(self) -> dict[str, str]:
        """Return the metadata to send: texts, at most 500 characters each, empty ones left out."""
        fields = {
            "site": settings.SITE_HOST,
            "attempt": str(self.attempt_key),
            "frequency": self.frequency,
            "fee_cover": str(self.fee_cover),
            "language": self.language,
            "article": "" if self.article is None else str(self.article),
            "appeal": "" if self.appeal is None else str(self.appeal),
            "campaign": self.campaign,
            "total": str(self.total) if self.total else "",
        }
        return {PREFIX + key: value[:500] for key, value in fields.items() if value}


def metadata_of(donation: Donation) -> GiftMetadata:
    return GiftMetadata(
        attempt_key=donation.attempt_key,
        frequency=donation.frequency,
        fee_cover=donation.fee_cover,
        language=donation.language,
        article=donation.article_id,
        appeal=donation.appeal_id,
        campaign=donation.campaign,
    )


def decode(metadata: Mapping[str, str]) -> GiftMetadata | None:
    """Read metadata that came back; None when the object is not ours, as on an account that is shared.

    Ours are those that name one of this site's hosts, so a site that moves keeps its former hosts in EXTRA_HOSTS.
    Raises BadMetadata.
    """
    values = {key.removeprefix(PREFIX): value for key, value in metadata.items() if key.startswith(PREFIX)}
    if values.get("site") not in settings.ALLOWED_HOSTS:
        return None
    try:
        return GiftMetadata(
            attempt_key=uuid.UUID(values["attempt"]),
            frequency=Frequency(values["frequency"]).value,
            fee_cover=int(values.get("fee_cover", 0)),
            language=values.get("language", "en"),
            article=int(values["article"]) if values.get("article") else None,
            appeal=int(values["appeal"]) if values.get("appeal") else None,
            campaign=values.get("campaign", ""),
            total=int(values.get("total", 0)),
        )
    except (KeyError, ValueError) as error:
        raise BadMetadata(str(error)) from error
