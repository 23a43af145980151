"""Other sites that may show a newsletter's sign-up form as a part of their own pages."""

from typing import Any, Self

from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import PersonalData

# Where no certificate can be had, and none is needed: this machine, and an onion service.
WITHOUT_CERTIFICATE = ("localhost", "127.0.0.1")


class EmbeddingHostQuerySet(models.QuerySet["EmbeddingHost"]):
    def allowed(self) -> Self:
        return self.filter(is_active=True)


class EmbeddingHost(models.Model):
    """A site that may show the form in a frame. Every other site's frames stay empty."""

    host = models.CharField(
        _("host"),
        max_length=200,
        unique=True,
        validators=[
            RegexValidator(
                r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?\Z",
                _("Such as www.partner.example, without anything before or behind it."),
            )
        ],
        help_text=_("As it stands in the address bar of their pages, such as www.partner.example."),
    )
    note = models.CharField(_("who they are"), max_length=200, blank=True)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Switched off, the form disappears from their pages at once.")
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)

    personal_data = PersonalData(
        not_personal={
            "host": "A site, not a reader.",
            "note": "Staff's words about that site.",
        },
    )

    objects = EmbeddingHostQuerySet.as_manager()

    class Meta:
        verbose_name = _("site that shows the sign-up form")
        verbose_name_plural = _("sites that show the sign-up form")
        constraints = [
            # It stands in a header between two others, so a space or a semicolon would change what the header says.
            models.CheckConstraint(
                name="subscriptions_embeddinghost_is_a_host", condition=models.Q(host__regex=r"^[a-z0-9.:-]+$")
            )
        ]

    def __str__(self) -> str:
        return self.host

    def clean_fields(self, exclude: Any = None) -> None:
        """Take the host as it is copied from a browser, with the scheme before it and a path behind."""
        text = self.host.strip().lower().partition("://")
        host = (text[2] or text[0]).partition("/")[0]
        try:
            self.host = host.encode("idna").decode("ascii")
        except UnicodeError:
            self.host = host
        super().clean_fields(exclude=exclude)

    @property
    def origins(self) -> list[str]:
        """Return the origins whose frames may hold the form, as `frame-ancestors` names them."""
        name = self.host.partition(":")[0]
        is_without = name in WITHOUT_CERTIFICATE or name.endswith(".onion")
        return [f"https://{self.host}", *([f"http://{self.host}"] if is_without else [])]
