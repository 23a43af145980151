from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from newsroom.models.shown import ShownOnPages
from newsroom.personal_data import PersonalData
from newsroom.time_zones import validate_time_zone


class Outlet(ShownOnPages):
    """The facts about the newsroom itself, which staff edit. There is one row."""

    name = models.CharField(_("name"), max_length=80)
    tagline = models.CharField(_("tagline"), max_length=160, blank=True)
    discreet_name = models.CharField(
        _("discreet name"),
        max_length=22,
        blank=True,
        help_text=_(
            "Stands on bank statements and in subject lines where the outlet's own name would endanger someone."
        ),
    )
    contact_email = models.EmailField(_("contact address"))
    postal_address = models.TextField(
        _("postal address"), blank=True, help_text=_("Stands at the foot of every newsletter.")
    )
    language = models.CharField(_("language"), max_length=10, default="en")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_time_zone])

    personal_data = PersonalData(
        not_personal={
            "name tagline discreet_name contact_email postal_address language": "The outlet's own, published.",
            "time_zone": "The outlet's own, published.",
        },
    )

    class Meta:
        verbose_name = _("outlet")
        verbose_name_plural = _("outlet")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="outlet_is_one_row")]

    def __str__(self) -> str:
        return self.name

    @property
    def promises_no_tracking(self) -> bool:
        """Say whether pages and mails may claim that nobody measures who opens them. The mail provider has a say."""
        return settings.MAIL_PROVIDER is None or settings.MAIL_PROVIDER.can_stop_tracking


class OutletWords(ShownOnPages):
    """How the outlet calls itself in another of its languages, on pages, in feeds and in mails.

    What readers agree to names it as `Outlet.name` does, which is who answers for it.
    """

    # Nothing by itself.
    outlet = models.ForeignKey(Outlet, on_delete=models.CASCADE, related_name="words", db_index=False)
    language = models.CharField(_("language"), max_length=10)
    name = models.CharField(_("name"), max_length=80, blank=True, help_text=_("Empty: the same as everywhere."))
    tagline = models.CharField(_("tagline"), max_length=160, blank=True)

    personal_data = PersonalData(not_personal={"language name tagline": "The outlet's own, published."})

    class Meta:
        verbose_name = _("words in another language")
        verbose_name_plural = _("words in other languages")
        constraints = [
            models.UniqueConstraint(name="outlet_words_once_a_language", fields=["outlet", "language"]),
        ]

    def __str__(self) -> str:
        return self.language
