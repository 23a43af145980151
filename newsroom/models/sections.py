"""Where an article stands in the paper: its section and its tags."""

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from newsroom.models.shown import ShownOnPages
from newsroom.personal_data import PersonalData

# An outlet may add languages to its settings, so the database checks the form of a tag and not a list.
LANGUAGE_TAG = r"^[a-z]{2,3}(-[a-z0-9]{2,8})*$"
# What the paths of this site take. Any other would make each page that links to it, and the map of the site, fail.
SLUG = r"^[-a-zA-Z0-9_]+$"


class SectionQuerySet(models.QuerySet["Section"]):
    def in_menu(self) -> "SectionQuerySet":
        return self.filter(is_in_menu=True).order_by("position", "pk")


class Section(ShownOnPages):
    """A part of the paper. An edition in another language has sections of its own."""

    class Kind(models.TextChoices):
        """What the Friday newsletter counts its places by."""

        NEWS = "news", _("News")
        FEATURE = "feature", _("Feature")
        ANALYSIS = "analysis", _("Analysis")
        OPINION = "opinion", _("Opinion")

    name = models.CharField(_("name"), max_length=80)
    slug = models.SlugField(_("slug"), max_length=80, unique=True)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices, default=Kind.NEWS)
    language = models.CharField(_("language"), max_length=16, default="en")
    description = models.CharField(_("description"), max_length=300, blank=True)
    position = models.PositiveSmallIntegerField(_("position in the menu"), default=0)
    is_in_menu = models.BooleanField(_("shown in the menu"), default=True)

    personal_data = PersonalData(
        not_personal={
            "name slug language description": "The newsroom's own words.",
        },
    )

    objects = SectionQuerySet.as_manager()

    class Meta:
        verbose_name = _("section")
        verbose_name_plural = _("sections")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["news", "feature", "analysis", "opinion"]),
                name="section_kind_is_known",
            ),
            models.CheckConstraint(condition=models.Q(language__regex=LANGUAGE_TAG), name="section_language_is_a_tag"),
            models.CheckConstraint(condition=~models.Q(name=""), name="section_has_a_name"),
            models.CheckConstraint(condition=models.Q(slug__regex=SLUG), name="section_slug_can_be_an_address"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("section", args=[self.slug])


class Tag(ShownOnPages):
    """A subject that runs through several sections: a place, a person, a story that goes on."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    slug = models.SlugField(_("slug"), max_length=80, unique=True)

    personal_data = PersonalData(
        not_personal={
            "name slug": "The newsroom's own words.",
        },
    )

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        constraints = [
            models.CheckConstraint(condition=~models.Q(name=""), name="tag_has_a_name"),
            models.CheckConstraint(condition=models.Q(slug__regex=SLUG), name="tag_slug_can_be_an_address"),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("tag", args=[self.slug])
