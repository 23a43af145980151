from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from newsroom import sanitising
from newsroom.furniture import furniture
from newsroom.models import Article, Section
from newsroom.models.shown import ShownOnPages
from newsroom.personal_data import PersonalData


class AppealQuerySet(models.QuerySet["Appeal"]):
    def running(self, at: datetime) -> "AppealQuerySet":
        return self.filter(
            models.Q(starts_at__isnull=True) | models.Q(starts_at__lte=at),
            models.Q(ends_at__isnull=True) | models.Q(ends_at__gt=at),
            is_active=True,
        )

    def next_boundary(self, at: datetime) -> datetime | None:
        """Return when the next appeal begins or ends: pages change by the clock alone at that moment."""
        active = self.filter(is_active=True)
        starts = active.filter(starts_at__gt=at).aggregate(next=models.Min("starts_at"))["next"]
        ends = active.filter(ends_at__gt=at).aggregate(next=models.Min("ends_at"))["next"]
        return min((one for one in (starts, ends) if one is not None), default=None)

    def for_page(self, *, language: str, section_id: int | None, at: datetime) -> "Appeal | None":
        """Return the appeal to show at `at`: the page's language and section, highest priority, newest."""
        everywhere = models.Q(sections__isnull=True)
        here = everywhere if section_id is None else everywhere | models.Q(sections=section_id)
        return self.running(at).filter(here, language=language).order_by("-priority", "-starts_at", "-pk").first()


class Appeal(ShownOnPages):
    """What the newsroom says to its readers when it asks for support. Staff write and change it."""

    title = models.CharField(_("title"), max_length=120, help_text=_("Stands over the message."))
    message = models.TextField(_("message"))
    short_line = models.CharField(
        _("short line"), max_length=80, blank=True, help_text=_("Stands on a thin line at the very top of the page.")
    )
    language = models.CharField(_("language"), max_length=16, default="en")
    sections = models.ManyToManyField(
        Section,
        verbose_name=_("sections"),
        blank=True,
        help_text=_("Leave empty to show it everywhere."),
        related_name="+",
    )
    starts_at = models.DateTimeField(_("from"), null=True, blank=True)
    ends_at = models.DateTimeField(_("until"), null=True, blank=True)
    priority = models.PositiveSmallIntegerField(_("priority"), default=0, help_text=_("The highest is shown."))
    is_active = models.BooleanField(_("active"), default=True)

    personal_data = PersonalData(
        not_personal={
            "title message short_line language": "The newsroom's own words.",
        },
    )

    objects = AppealQuerySet.as_manager()

    class Meta:
        verbose_name = _("appeal")
        verbose_name_plural = _("appeals")
        constraints = [
            models.CheckConstraint(condition=~models.Q(title=""), name="appeal_has_a_title"),
            models.CheckConstraint(
                condition=models.Q(starts_at__isnull=True)
                | models.Q(ends_at__isnull=True)
                | models.Q(ends_at__gt=models.F("starts_at")),
                name="appeal_ends_after_it_starts",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Sanitise the message and store."""
        self.message = sanitising.clean(self.message)
        super().save(*args, **kwargs)

    def has_ended(self, at: datetime) -> bool:
        return not self.is_active or (self.ends_at is not None and self.ends_at <= at)


def appeal_for_article(article: Article | None, *, language: str, at: datetime) -> Appeal | None:
    """Return the appeal for an article's page, or for a page of no article. None on a sensitive article."""
    if article is None:
        return _appeal_for(language=language, section_id=None, at=at)
    # Fails closed: whatever is not plainly marked as not sensitive carries no appeal.
    if article.is_sensitive is not False:
        return None
    return _appeal_for(language=article.language, section_id=article.section_id, at=at)


@furniture
def _appeal_for(*, language: str, section_id: int | None, at: datetime) -> Appeal | None:
    return Appeal.objects.for_page(language=language, section_id=section_id, at=at)
