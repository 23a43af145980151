"""Other addresses under which the whole site can be read."""

from typing import Any, Self

from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from newsroom.models.shown import ShownOnPages
from newsroom.personal_data import PersonalData


class MirrorQuerySet(models.QuerySet["Mirror"]):
    def in_use(self) -> Self:
        return self.filter(is_active=True).order_by("position", "pk")


class Mirror(ShownOnPages):
    """An address that carries the same paths as this site, for readers whose provider blocks it."""

    address = models.CharField(
        _("address"),
        max_length=200,
        unique=True,
        validators=[
            RegexValidator(
                r"^https?://[A-Za-z0-9.-]+(:\d+)?\Z",
                _("Such as https://mirror.example.net, without anything behind it."),
            )
        ],
        help_text=_("Such as https://mirror.example.net. The path of the page is put behind it."),
    )
    position = models.PositiveSmallIntegerField(
        _("position"), default=0, help_text=_("The lowest number is the one that stands beside each article.")
    )
    is_active = models.BooleanField(_("active"), default=True)

    personal_data = PersonalData(
        not_personal={
            "address": "A site of the newsroom's own.",
        },
    )

    objects = MirrorQuerySet.as_manager()

    class Meta:
        verbose_name = _("mirror")
        verbose_name_plural = _("mirrors")
        constraints = [
            models.CheckConstraint(condition=models.Q(address__regex=r"^https?://[^/]+$"), name="mirror_is_an_origin")
        ]

    def __str__(self) -> str:
        return self.address

    def clean_fields(self, exclude: Any = None) -> None:
        """Take the address as it is copied from a browser, with the slash at its end."""
        self.address = self.address.strip().rstrip("/")
        super().clean_fields(exclude=exclude)

    def page(self, path: str) -> str:
        return f"{self.address}{path}"
