"""Articles, from the first draft to the withdrawal."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from newsroom import history, registry, sanitising, site_version
from newsroom.models.authors import Author
from newsroom.models.images import Image
from newsroom.models.indexing import search_expression
from newsroom.models.sections import LANGUAGE_TAG, SLUG, Section, Tag
from newsroom.personal_data import PersonalData


class StepRefused(Exception):
    """The article is not in a state from which this step is possible."""


class NotReady(Exception):
    """The article lacks something readers need; `obstacles` names each lack in words for staff."""

    def __init__(self, obstacles: list[str]) -> None:
        super().__init__("; ".join(obstacles))
        self.obstacles = obstacles


class ArticleQuerySet(models.QuerySet["Article"]):
    def published(self, at: datetime) -> "ArticleQuerySet":
        """Keep what readers may see at `at`. A scheduled article appears at its minute because this is a query."""
        return self.filter(status__in=(Article.Status.SCHEDULED, Article.Status.PUBLISHED), published_at__lte=at)

    def due(self, at: datetime) -> "ArticleQuerySet":
        """Keep scheduled articles whose minute has come and is not written down yet."""
        return self.filter(status=Article.Status.SCHEDULED, published_at__lte=at)

    def newest_first(self) -> "ArticleQuerySet":
        return self.order_by("-published_at", "-pk")

    def for_cards(self) -> "ArticleQuerySet":
        """Load what a teaser shows, in two queries however many articles there are."""
        return (
            self.defer("body")
            .select_related("section", "lead_image")
            .prefetch_related(
                models.Prefetch("bylines", Byline.objects.select_related("author").order_by("position", "pk"))
            )
        )


class ArticleManager(models.Manager["Article"]):
    def get_queryset(self) -> models.QuerySet["Article"]:
        # The index column is as long as the text, and only PostgreSQL reads it.
        return super().get_queryset().defer("search_vector")


class Article(models.Model):
    """A text with everything that stands around it on its page.

    `published_at` is the moment from which readers see it: in the future while the article is scheduled, and empty as
    long as it is a draft or in review.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("Draft")
        IN_REVIEW = "in review", _("In review")
        SCHEDULED = "scheduled", _("Scheduled")
        PUBLISHED = "published", _("Published")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    headline = models.CharField(_("headline"), max_length=200)
    slug = models.SlugField(
        _("slug"),
        max_length=120,
        unique=True,
        help_text=_("The last part of the address. The old address leads to a new one."),
    )
    language = models.CharField(_("language"), max_length=16, default="en")
    translation_of = models.ForeignKey(
        "self",
        verbose_name=_("translation of"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="translations",
    )
    standfirst = models.TextField(
        _("standfirst"), blank=True, max_length=500, help_text=_("One or two sentences under the headline.")
    )
    body = models.TextField(_("text"), blank=True)
    section = models.ForeignKey(Section, verbose_name=_("section"), on_delete=models.PROTECT, related_name="articles")
    authors = models.ManyToManyField(Author, verbose_name=_("authors"), through="Byline", related_name="articles")
    tags = models.ManyToManyField(Tag, verbose_name=_("tags"), blank=True, related_name="articles")
    lead_image = models.ForeignKey(
        Image, verbose_name=_("lead image"), on_delete=models.PROTECT, null=True, blank=True, related_name="leads"
    )
    credit_line = models.CharField(
        _("credit line"), max_length=200, blank=True, help_text=_("Such as “AFP contributed reporting.”")
    )
    is_sensitive = models.BooleanField(
        _("sensitive"), default=False, help_text=_("No appeal for money stands on this page.")
    )
    front_page_priority = models.PositiveSmallIntegerField(
        _("front page priority"), default=0, help_text=_("0 to 9. Everything above 0 stands on top, the highest first.")
    )
    newsletter_priority = models.PositiveSmallIntegerField(
        _("newsletter priority"), default=0, help_text=_("0 to 9. The newsletter takes the highest first.")
    )
    embargo_until = models.DateTimeField(
        _("embargo until"), null=True, blank=True, help_text=_("It cannot be published before.")
    )

    status = models.CharField(_("status"), max_length=20, choices=Status.choices, default=Status.DRAFT, editable=False)
    created_at = models.DateTimeField(_("created at"), default=timezone.now, editable=False)
    submitted_at = models.DateTimeField(_("submitted at"), null=True, blank=True, editable=False)
    published_at = models.DateTimeField(_("published at"), null=True, blank=True, editable=False)
    corrected_at = models.DateTimeField(_("corrected at"), null=True, blank=True, editable=False)
    withdrawn_at = models.DateTimeField(_("withdrawn at"), null=True, blank=True, editable=False)
    withdrawal_note = models.CharField(
        _("note to readers on the withdrawal"), max_length=500, blank=True, editable=False
    )
    updated_at = models.DateTimeField(_("changed at"), auto_now=True)
    search_vector = models.GeneratedField(
        expression=search_expression(), output_field=SearchVectorField(), db_persist=True, editable=False
    )

    personal_data = PersonalData(
        not_personal={
            "headline slug language standfirst body credit_line withdrawal_note": "The newsroom's own words.",
            "search_vector": "The newsroom's own words.",
        },
    )

    objects = ArticleManager.from_queryset(ArticleQuerySet)()

    class Meta:
        verbose_name = _("article")
        verbose_name_plural = _("articles")
        permissions = [
            ("submit_article", "Can submit articles for review"),
            ("edit_submitted_article", "Can change articles after they were submitted"),
            ("publish_article", "Can schedule and publish articles"),
            ("correct_article", "Can add corrections to published articles"),
            ("withdraw_article", "Can withdraw published articles"),
        ]
        indexes = [
            models.Index(
                fields=["language", "-published_at", "-id"],
                name="article_newest",
                condition=models.Q(status__in=("scheduled", "published")),
            ),
            # The archive, the maps for search engines and the newsletter look at a stretch of time in every language.
            models.Index(
                fields=["-published_at", "-id"],
                name="article_by_time",
                condition=models.Q(status__in=("scheduled", "published")),
            ),
            models.Index(
                fields=["section", "-published_at", "-id"],
                name="article_newest_in_section",
                condition=models.Q(status__in=("scheduled", "published")),
            ),
            models.Index(
                fields=["language", "-front_page_priority", "-published_at", "-id"],
                name="article_top_stories",
                condition=models.Q(status__in=("scheduled", "published"), front_page_priority__gt=0),
            ),
            models.Index(fields=["-updated_at", "-id"], name="article_last_changed"),
            GinIndex(fields=["search_vector"], name="article_search"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=("draft", "in review", "scheduled", "published", "withdrawn")),
                name="article_status_is_known",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=("draft", "in review"), published_at__isnull=True)
                | models.Q(status__in=("scheduled", "published", "withdrawn"), published_at__isnull=False),
                name="article_published_needs_its_time",
            ),
            models.CheckConstraint(
                condition=models.Q(status="withdrawn", withdrawn_at__isnull=False)
                | (~models.Q(status="withdrawn") & models.Q(withdrawn_at__isnull=True, withdrawal_note="")),
                name="article_withdrawn_needs_its_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="in review") | models.Q(submitted_at__isnull=False),
                name="article_in_review_was_submitted",
            ),
            models.CheckConstraint(
                condition=models.Q(embargo_until__isnull=True)
                | models.Q(published_at__isnull=True)
                | models.Q(published_at__gte=models.F("embargo_until")),
                name="article_keeps_its_embargo",
            ),
            models.CheckConstraint(
                condition=models.Q(corrected_at__isnull=True) | models.Q(published_at__isnull=False),
                name="article_corrected_was_published",
            ),
            models.CheckConstraint(
                condition=models.Q(front_page_priority__lte=9, newsletter_priority__lte=9),
                name="article_priorities_end_at_9",
            ),
            models.CheckConstraint(condition=models.Q(language__regex=LANGUAGE_TAG), name="article_language_is_a_tag"),
            models.CheckConstraint(condition=~models.Q(headline=""), name="article_has_a_headline"),
            models.CheckConstraint(condition=~models.Q(slug=""), name="article_has_a_slug"),
            models.CheckConstraint(condition=models.Q(slug__regex=SLUG), name="article_slug_can_be_an_address"),
            models.CheckConstraint(
                condition=~models.Q(translation_of=models.F("id")), name="article_does_not_translate_itself"
            ),
            models.UniqueConstraint(fields=["translation_of", "language"], name="article_one_translation_per_language"),
        ]

    def __str__(self) -> str:
        return self.headline

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Sanitise the text, keep the old address when the slug of a once public article changes, and store."""
        self.body = sanitising.clean(self.body)
        fields = kwargs.get("update_fields")
        with transaction.atomic():
            placed = self._placed_images() if fields is None or "body" in fields else None
            if self.pk and self.published_at and (fields is None or "slug" in fields):
                self._keep_old_address()
            is_new = self._state.adding
            super().save(*args, **kwargs)
            if placed is not None:
                self._keep_pictures(placed, is_new=is_new)
            # Nothing that readers see changes while nobody has ever seen the article.
            if self.published_at or "published_at" in (fields or ()):
                site_version.pages_changed(at_once=self.status == self.Status.WITHDRAWN)

    def get_absolute_url(self) -> str:
        return reverse("article", args=[self.slug])

    @property
    def history_label(self) -> str:
        return self.headline

    def _keep_old_address(self) -> None:
        old_slug = Article.objects.filter(pk=self.pk).values_list("slug", flat=True).first()
        if old_slug is None or old_slug == self.slug:
            return
        FormerAddress.objects.update_or_create(path=reverse("article", args=[old_slug]), defaults={"article": self})
        FormerAddress.objects.filter(path=self.get_absolute_url()).delete()

    def _placed_images(self) -> set[int]:
        """Return the images that stand in the text, and take out those that the library does not have."""
        named = set(sanitising.image_numbers(self.body))
        known = set(Image.objects.filter(pk__in=named).values_list("pk", flat=True)) if named else set()
        if named != known:
            self.body = sanitising.clean(sanitising.without_images(self.body, named - known))
        return known

    def _keep_pictures(self, placed: set[int], *, is_new: bool) -> None:
        if not is_new:
            self.pictures.exclude(image_id__in=placed).delete()
        rows = [self.pictures.model(article=self, image_id=number) for number in sorted(placed)]
        if rows:
            self.pictures.bulk_create(rows, ignore_conflicts=True)

    def is_public(self, at: datetime) -> bool:
        """Tell whether readers see the article at `at`, by the same rule as `ArticleQuerySet.published`."""
        shown = self.status in (self.Status.SCHEDULED, self.Status.PUBLISHED)
        return shown and self.published_at is not None and self.published_at <= at

    def obstacles(self) -> list[str]:
        """Name what is missing before readers may see the article."""
        missing = []
        if not sanitising.plain(self.body):
            missing.append(str(_("The text is empty.")))
        if not self.standfirst.strip():
            missing.append(str(_("The standfirst is empty.")))
        if not self.credit_line and not self.bylines.exists():
            missing.append(str(_("There is neither a byline nor a credit line.")))
        if self.lead_image is not None and not self.lead_image.alt.strip():
            missing.append(str(_("The lead image has no description for those who cannot see it.")))
        undescribed = self.pictures.filter(image__alt__regex=r"^\s*$").count()
        if undescribed:
            missing.append(
                ngettext(
                    "A picture in the text has no description for those who cannot see it.",
                    "%(count)s pictures in the text have no description for those who cannot see them.",
                    undescribed,
                )
                % {"count": undescribed}
            )
        return missing

    # The steps. Each locks the row, asks for its permission, checks the state it starts from, and leaves a history
    # entry. `by=None` stands for the product itself: an import, the demo, the tick.

    def submit(self, *, by: AbstractUser | None, at: datetime) -> None:
        self._take(SUBMIT, by=by, at=at, submitted_at=at)

    def return_to_draft(self, *, by: AbstractUser | None, at: datetime, reason: str = "") -> None:
        self._take(RETURN, by=by, at=at, reason=reason, submitted_at=None)

    def schedule(self, *, by: AbstractUser | None, at: datetime, publish_at: datetime) -> None:
        """Let the article appear at `publish_at`, which is after `at`."""
        if publish_at <= at:
            raise StepRefused(_("The time of publication has passed."))
        self._take(SCHEDULE, by=by, at=at, published_at=publish_at)

    def unschedule(self, *, by: AbstractUser | None, at: datetime) -> None:
        self._take(UNSCHEDULE, by=by, at=at, published_at=None, submitted_at=at)

    def publish(self, *, by: AbstractUser | None, at: datetime) -> None:
        self._take(PUBLISH, by=by, at=at, published_at=at)

    def settle(self, *, at: datetime) -> None:
        """Write down that the minute of a scheduled article has come. Readers see it with or without this."""
        self._take(SETTLE, by=None, at=at)

    def withdraw(self, *, by: AbstractUser | None, at: datetime, reason: str, note: str = "") -> None:
        """Take the article from readers; its address answers 410 with `note`. `reason` is for the staff's record."""
        with transaction.atomic():
            self._take(WITHDRAW, by=by, at=at, reason=reason, withdrawn_at=at, withdrawal_note=note)
            for hook in registry.article_withdrawn:
                hook(self, at)

    def reinstate(self, *, by: AbstractUser | None, at: datetime, reason: str) -> None:
        """Give a withdrawn article back to readers, at its old address and with its old time."""
        self._take(REINSTATE, by=by, at=at, reason=reason, withdrawn_at=None, withdrawal_note="")

    def correct(self, *, by: AbstractUser | None, at: datetime, text: str) -> "Correction":
        """Add a dated note that readers see under the text."""
        with transaction.atomic():
            self._take(CORRECT, by=by, at=at, reason=text, corrected_at=at)
            correction = Correction.objects.create(article=self, text=text, noted_at=at)
            for hook in registry.article_corrected:
                hook(self, at)
        return correction

    def may(self, step: "Step", *, by: AbstractUser, at: datetime) -> bool:
        """Tell whether `by` could take `step` now, for the buttons of the article screen."""
        return self._allows(step, at) and by.has_perm(step.permission)

    def _allows(self, step: "Step", at: datetime) -> bool:
        # A scheduled article whose minute has come is published, whether the tick has written it down or not.
        status = self.Status.PUBLISHED if self.is_public(at) and step is not SETTLE else self.status
        return status in step.sources

    def _take(self, step: "Step", *, by: AbstractUser | None, at: datetime, reason: str = "", **changes: Any) -> None:
        if by is not None and not by.has_perm(step.permission):
            raise PermissionDenied(step.permission)
        with transaction.atomic():
            locked = Article.objects.select_for_update(of=("self",)).get(pk=self.pk)
            if not locked._allows(step, at):
                raise StepRefused(
                    _("This is not possible while the article is “%(status)s”.")
                    % {"status": locked.get_status_display()}
                )
            if step.needs_finished_text and (obstacles := locked.obstacles()):
                raise NotReady(obstacles)
            before = locked.status
            changes["status"] = step.target
            if locked.embargo_until and changes.get("published_at") and changes["published_at"] < locked.embargo_until:
                raise NotReady([str(_("The article is under embargo."))])
            for target in (locked, self):
                for name, value in changes.items():
                    setattr(target, name, value)
            locked.save(update_fields=[*changes, "updated_at"])
            history.record(
                locked,
                action=f"article.{step.action}",
                actor=by,
                reason=reason,
                before=before,
                after=step.target,
                at=at,
            )


@dataclass(frozen=True)
class Step:
    """One allowed change of state; `action` is its word in the history and in the admin's addresses."""

    action: str
    permission: str
    sources: tuple[str, ...]
    target: str
    needs_finished_text: bool = False


_S = Article.Status
SUBMIT = Step("submitted", "newsroom.submit_article", (_S.DRAFT,), _S.IN_REVIEW)
RETURN = Step("returned", "newsroom.publish_article", (_S.IN_REVIEW,), _S.DRAFT)
SCHEDULE = Step("scheduled", "newsroom.publish_article", (_S.DRAFT, _S.IN_REVIEW, _S.SCHEDULED), _S.SCHEDULED, True)
UNSCHEDULE = Step("unscheduled", "newsroom.publish_article", (_S.SCHEDULED,), _S.IN_REVIEW)
PUBLISH = Step("published", "newsroom.publish_article", (_S.DRAFT, _S.IN_REVIEW, _S.SCHEDULED), _S.PUBLISHED, True)
SETTLE = Step("settled", "newsroom.publish_article", (_S.SCHEDULED,), _S.PUBLISHED)
CORRECT = Step("corrected", "newsroom.correct_article", (_S.PUBLISHED,), _S.PUBLISHED)
WITHDRAW = Step("withdrawn", "newsroom.withdraw_article", (_S.PUBLISHED,), _S.WITHDRAWN)
REINSTATE = Step("reinstated", "newsroom.withdraw_article", (_S.WITHDRAWN,), _S.PUBLISHED)
STEPS = (SUBMIT, RETURN, SCHEDULE, UNSCHEDULE, PUBLISH, SETTLE, CORRECT, WITHDRAW, REINSTATE)


class Byline(models.Model):
    """One author's place over one article, in order."""

    article = models.ForeignKey(Article, verbose_name=_("article"), on_delete=models.CASCADE, related_name="bylines")
    author = models.ForeignKey(Author, verbose_name=_("author"), on_delete=models.PROTECT, related_name="bylines")
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    personal_data = PersonalData()

    class Meta:
        verbose_name = _("byline")
        verbose_name_plural = _("bylines")
        constraints = [models.UniqueConstraint(fields=["article", "author"], name="byline_names_an_author_once")]

    def __str__(self) -> str:
        return str(self.author)


class Correction(models.Model):
    """A dated note on what was wrong. It is never changed: a wrong correction gets another."""

    article = models.ForeignKey(
        Article, verbose_name=_("article"), on_delete=models.PROTECT, related_name="corrections"
    )
    text = models.TextField(_("note to readers"), max_length=1000)
    noted_at = models.DateTimeField(_("noted at"))

    personal_data = PersonalData(
        not_personal={
            "text": "The newsroom's own words.",
        },
    )

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        constraints = [models.CheckConstraint(condition=~models.Q(text=""), name="correction_has_a_text")]

    def __str__(self) -> str:
        return self.text[:80]


class FormerAddress(models.Model):
    """A path of this site under which an article once stood. It redirects there for good."""

    path = models.CharField(_("path"), max_length=300, unique=True)
    # An address without its article leads nowhere.
    article = models.ForeignKey(
        Article, verbose_name=_("article"), on_delete=models.CASCADE, related_name="former_addresses"
    )
    created_at = models.DateTimeField(_("since"), default=timezone.now)

    personal_data = PersonalData(
        not_personal={
            "path": "An address of an article.",
        },
    )

    class Meta:
        verbose_name = _("former address")
        verbose_name_plural = _("former addresses")
        constraints = [
            models.CheckConstraint(condition=models.Q(path__startswith="/"), name="former_address_is_a_path")
        ]

    def __str__(self) -> str:
        return self.path
