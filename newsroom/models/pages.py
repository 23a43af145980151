"""Standing pages that staff write, such as about, contact and imprint."""

from typing import Any

from django.db import models
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from newsroom import sanitising
from newsroom.models.sections import LANGUAGE_TAG, SLUG
from newsroom.models.shown import ShownOnPages
from newsroom.personal_data import PersonalData


class PageQuerySet(models.QuerySet["Page"]):
    def published(self) -> "PageQuerySet":
        return self.filter(is_published=True)

    def linked(self, language: str) -> "PageQuerySet":
        """Keep what every page of this language links to, at its top or at its foot."""
        shown = self.published().filter(language=language).defer("body")
        return shown.filter(models.Q(is_in_menu=True) | models.Q(is_in_footer=True)).order_by("position", "pk")


class Page(ShownOnPages):
    """A page of the outlet about itself, at `/<slug>/`."""

    title = models.CharField(_("title"), max_length=120)
    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    language = models.CharField(_("language"), max_length=16, default="en")
    description = models.CharField(_("description"), max_length=300, blank=True)
    body = models.TextField(_("text"), blank=True)
    is_published = models.BooleanField(_("published"), default=False)
    is_in_menu = models.BooleanField(
        _("in the menu"),
        default=False,
        db_default=False,
        help_text=_("Behind the sections, at the top of every page."),
    )
    is_in_footer = models.BooleanField(_("linked at the foot of every page"), default=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)
    updated_at = models.DateTimeField(_("changed at"), default=timezone.now, editable=False)

    personal_data = PersonalData(
        not_personal={
            "title slug language description body": "The newsroom's own words.",
        },
    )

    objects = PageQuerySet.as_manager()

    class Meta:
        verbose_name = _("page")
        verbose_name_plural = _("pages")
        constraints = [
            models.CheckConstraint(condition=models.Q(language__regex=LANGUAGE_TAG), name="page_language_is_a_tag"),
            models.CheckConstraint(condition=~models.Q(title=""), name="page_has_a_title"),
            models.CheckConstraint(condition=models.Q(slug__regex=SLUG), name="page_slug_can_be_an_address"),
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.body = sanitising.clean(self.body)
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse("page", args=[self.slug])
