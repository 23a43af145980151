"""Time zones as people name them, by the IANA data."""

import zoneinfo

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _


def validate_time_zone(name: str) -> None:
    """Refuse a name that the IANA time-zone data does not have."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            _("“%(name)s” is not an IANA time zone. Write one such as Europe/Berlin."),
            code="time_zone",
            params={"name": name},
        )
