"""The words a reader agrees to, and the proof that these were the words shown."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.urls import reverse
from django.utils import translation
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from newsroom.outlet import current_outlet
from subscriptions.models import Newsletter, PolicyText
from subscriptions.policies import text_in_force

EVERY = {
    Newsletter.Weekday.MONDAY: gettext_lazy("every Monday"),
    Newsletter.Weekday.TUESDAY: gettext_lazy("every Tuesday"),
    Newsletter.Weekday.WEDNESDAY: gettext_lazy("every Wednesday"),
    Newsletter.Weekday.THURSDAY: gettext_lazy("every Thursday"),
    Newsletter.Weekday.FRIDAY: gettext_lazy("every Friday"),
    Newsletter.Weekday.SATURDAY: gettext_lazy("every Saturday"),
    Newsletter.Weekday.SUNDAY: gettext_lazy("every Sunday"),
}


@dataclass(frozen=True)
class Statement:
    """A sentence of express consent to one purpose, under one text of the Privacy Policy.

    `template` is the translated sentence with `{policy}` where the link to the policy stands.
    """

    purpose: str
    template: str
    language: str
    policy_text: PolicyText

    @cached_property
    def policy_words(self) -> str:
        with translation.override(self.language):
            return _("Privacy Policy (version %(version)s)") % {"version": self.policy_text.policy.version}

    @property
    def wording(self) -> str:
        """Return the sentence as a reader reads it. This is what the ledger keeps."""
        return self.template.replace("{policy}", self.policy_words)

    @property
    def html(self) -> SafeString:
        """Return the sentence with a link to the policy that it names."""
        before, _policy, after = self.template.partition("{policy}")
        url = reverse(
            "subscriptions:policy_text",
            kwargs={"version": self.policy_text.policy.version, "language": self.policy_text.language},
        )
        return format_html('{}<a href="{}">{}</a>{}', before, url, self.policy_words, after)

    @property
    def fingerprint(self) -> str:
        """Return 16 hex digits that a form carries, so that old words in a cached or copied page are noticed."""
        parts = (self.purpose, self.language, self.wording, self.policy_text.body_hash)
        return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]


def newsletter_statement(newsletter: Newsletter, *, at: datetime) -> Statement | None:
    """Return the words of consent to one newsletter at a moment, or None while no Privacy Policy is in force."""
    policy_text = text_in_force(newsletter.language, at=at)
    if policy_text is None:
        return None
    outlet = current_outlet()
    with translation.override(newsletter.language):
        template = _(
            "Send me %(newsletter)s %(every_weekday)s. I expressly agree that %(outlet)s uses my address for this, "
            "as its {policy} explains."
        ) % {
            "newsletter": newsletter.name,
            "every_weekday": EVERY[Newsletter.Weekday(newsletter.weekday)],
            "outlet": outlet.name,
        }
    return Statement(
        purpose=newsletter.purpose, template=template, language=newsletter.language, policy_text=policy_text
    )


def schedule_in_words(newsletter: Newsletter) -> str:
    """Return how often a newsletter comes, such as “every Friday at 08:00, Berlin time”, in the active language."""
    return _("%(every_weekday)s at %(time)s, %(zone)s") % {
        "every_weekday": EVERY[Newsletter.Weekday(newsletter.weekday)],
        "time": f"{newsletter.send_time:%H:%M}",
        "zone": zone_in_words(newsletter.time_zone),
    }


def zone_in_words(time_zone: str) -> str:
    """Return an IANA zone as people say it: “Berlin time” for Europe/Berlin, and UTC as it is."""
    city = time_zone.rpartition("/")[2].replace("_", " ")
    return city if city == "UTC" else _("%(city)s time") % {"city": city}
