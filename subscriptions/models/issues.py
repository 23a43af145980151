"""One issue of a newsletter and the articles picked for it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from newsroom.holding import no_hold
from newsroom.models import Article
from newsroom.personal_data import PersonalData
from subscriptions.models.newsletters import Newsletter
from subscriptions.models.segments import Segment


class IssueQuerySet(models.QuerySet["Issue"]):
    def open(self) -> Self:
        """Keep the issues that may still be made or sent."""
        return self.filter(state__in=Issue.OPEN_STATES)

    def to_assemble(self) -> Self:
        """Keep the empty drafts of newsletters that appear."""
        return self.filter(state=Issue.State.DRAFT, assembled_at__isnull=True, newsletter__is_active=True)

    def due(self, at: datetime) -> Self:
        """Keep what waits for its moment and has reached it, approved or not, in newsletters that appear."""
        waiting = [Issue.State.DRAFT, Issue.State.APPROVED]
        due = self.filter(state__in=waiting, send_at__lte=at, newsletter__is_active=True)
        return due.filter(no_hold())

    def running(self) -> Self:
        return self.filter(no_hold(), state=Issue.State.SENDING, paused_at__isnull=True)

    def on_the_web(self) -> Self:
        """Keep the issues that readers may see in the archive."""
        return self.filter(state__in=[Issue.State.SENDING, Issue.State.SENT])

    def newest_first(self) -> Self:
        return self.order_by("-issue_date", "-pk")

    def web_addresses(self) -> Iterator[str]:
        """Name the page of every issue that readers may see, for a copy of the site."""
        shown = self.on_the_web().select_related("newsletter").only("issue_date", "newsletter__slug")
        return (issue.get_absolute_url() for issue in shown.newest_first().iterator())


class Issue(models.Model):
    """The issue of one newsletter for one date.

    `draft → approved → sending → sent`, or `held` (a person must decide), `skipped` (a holiday, or a date that passed
    while everything was down) and `cancelled`. The row exists from the moment the issue before it left, so editors can
    pick all week, and it is the schedule itself: `send_at` is the newsletter's local hour as an instant.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        APPROVED = "approved", _("approved")
        SENDING = "sending", _("sending")
        SENT = "sent", _("sent")
        HELD = "held", _("held")
        SKIPPED = "skipped", _("skipped")
        CANCELLED = "cancelled", _("cancelled")

    OPEN_STATES = (State.DRAFT, State.APPROVED, State.SENDING, State.HELD)
    EDITABLE_STATES = (State.DRAFT, State.HELD)

    newsletter = models.ForeignKey(
        Newsletter, verbose_name=_("newsletter"), on_delete=models.PROTECT, related_name="issues"
    )
    issue_date = models.DateField(_("date"))
    send_at = models.DateTimeField(_("to be sent at"))
    state = models.CharField(_("state"), max_length=12, choices=State.choices, default=State.DRAFT)
    state_reason = models.CharField(_("reason"), max_length=300, blank=True)
    version = models.PositiveIntegerField(_("version"), default=1, help_text=_("Grows with every change by an editor."))

    subject = models.CharField(_("subject"), max_length=200, blank=True)
    preheader = models.CharField(
        _("preheader"), max_length=200, blank=True, help_text=_("Shown beside the subject in the list of mails.")
    )
    letter = models.TextField(
        _("letter from the editor"), blank=True, max_length=10_000, help_text=_("An empty line begins a paragraph.")
    )

    carries_appeal = models.BooleanField(
        _("with the newsroom's appeal"),
        default=False,
        db_default=False,
        help_text=_("The appeal that runs on the site at the time stands under the letter."),
    )

    segment = models.ForeignKey(
        Segment,
        verbose_name=_("segment"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Empty: everybody who is subscribed."),
    )

    created_at = models.DateTimeField(_("created at"))
    assembled_at = models.DateTimeField(_("assembled at"), null=True, blank=True)
    approved_at = models.DateTimeField(_("approved at"), null=True, blank=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("approved by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text=_("Empty where the newsletter's own rule approved it."),
    )
    started_at = models.DateTimeField(_("sending began at"), null=True, blank=True)
    paused_at = models.DateTimeField(_("paused at"), null=True, blank=True)
    pause_reason = models.CharField(_("reason for the pause"), max_length=300, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)
    question = models.CharField(
        _("question to the editors"),
        max_length=300,
        blank=True,
        default="",
        db_default="",
        help_text=_(
            "What happened to an article after the issue was frozen, until somebody says whether to refresh it."
        ),
    )

    candidates = models.PositiveIntegerField(_("subscriptions"), null=True, blank=True)
    prepared = models.PositiveIntegerField(_("written to"), null=True, blank=True)
    excluded = models.PositiveIntegerField(_("not written to"), null=True, blank=True)
    exclusions = models.JSONField(_("reasons for not writing"), default=dict, blank=True)

    personal_data = PersonalData(
        not_personal={
            "state_reason subject preheader letter pause_reason question exclusions": "The newsroom's own words.",
        },
    )

    objects = IssueQuerySet.as_manager()

    class Meta:
        verbose_name = _("issue")
        verbose_name_plural = _("issues")
        permissions = [
            ("approve_issue", "Can approve, hold and cancel issues"),
            ("send_issue", "Can send an issue now, pause and resume it"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["newsletter", "issue_date"], name="issue_once_per_date"),
            models.CheckConstraint(
                condition=Q(state__in=["draft", "approved", "sending", "sent", "held", "skipped", "cancelled"]),
                name="issue_state_known",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["approved", "sending", "sent"]) | Q(approved_at__isnull=False),
                name="issue_goes_out_approved",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["sending", "sent"], started_at__isnull=False)
                | (~Q(state__in=["sending", "sent"]) & Q(paused_at__isnull=True)),
                name="issue_sending_has_begun",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["sent", "skipped", "cancelled"], ended_at__isnull=False)
                | (~Q(state__in=["sent", "skipped", "cancelled"]) & Q(ended_at__isnull=True)),
                name="issue_end_has_time",
            ),
            models.CheckConstraint(
                condition=Q(started_at__isnull=True) | Q(candidates=F("prepared") + F("excluded")),
                name="issue_counts_add_up",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["held", "skipped", "cancelled"]) | ~Q(state_reason=""),
                name="issue_off_the_path_says_why",
            ),
        ]
        indexes = [
            models.Index(
                fields=["send_at"], name="issue_open", condition=Q(state__in=["draft", "approved", "sending", "held"])
            ),
            models.Index(fields=["-issue_date", "-id"], name="issue_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.newsletter} {self.issue_date.isoformat()}"

    def get_absolute_url(self) -> str:
        return reverse("subscriptions:issue", args=[self.newsletter.slug, self.issue_date.isoformat()])

    @property
    def is_editable(self) -> bool:
        return self.state in self.EDITABLE_STATES

    @property
    def frozen(self) -> "IssueRendering | None":
        """Return what approval froze where that is what readers get; a held issue may keep one that is in question."""
        if self.is_editable:
            return None
        return getattr(self, "rendering", None)

    @property
    def history_label(self) -> str:
        return f"{self.newsletter} {self.issue_date.isoformat()}"


class PickQuerySet(models.QuerySet["Pick"]):
    def in_order(self) -> Self:
        return self.order_by("position", "pk")


class Pick(models.Model):
    """An article's place in an issue, and how it came there."""

    class Origin(models.TextChoices):
        EDITOR = "editor", _("picked by an editor")
        FILLED = "filled", _("filled by rule")

    # A plan for the issue and no fact: it has no meaning without it.
    issue = models.ForeignKey(Issue, verbose_name=_("issue"), on_delete=models.CASCADE, related_name="picks")
    article = models.ForeignKey(Article, verbose_name=_("article"), on_delete=models.PROTECT, related_name="picks")
    position = models.PositiveSmallIntegerField(_("position"))
    headline = models.CharField(
        _("headline in the issue"), max_length=200, blank=True, help_text=_("Empty: the article's own.")
    )
    blurb = models.TextField(_("blurb"), max_length=1000, blank=True, help_text=_("Empty: the article's standfirst."))
    origin = models.CharField(_("how it came"), max_length=8, choices=Origin.choices)
    reason = models.CharField(_("why"), max_length=200, blank=True)
    picked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("picked by"),
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
    )
    picked_at = models.DateTimeField(_("picked at"))

    personal_data = PersonalData(
        not_personal={
            "headline blurb reason": "The newsroom's own words.",
        },
    )

    objects = PickQuerySet.as_manager()

    class Meta:
        verbose_name = _("pick")
        verbose_name_plural = _("picks")
        constraints = [
            models.UniqueConstraint(fields=["issue", "article"], name="pick_article_once_per_issue"),
            models.UniqueConstraint(
                fields=["issue", "position"],
                name="pick_one_per_place",
                # A reordering passes through states in which two picks share a place.
                deferrable=models.Deferrable.DEFERRED,
            ),
            models.CheckConstraint(condition=Q(origin__in=["editor", "filled"]), name="pick_origin_known"),
            models.CheckConstraint(condition=Q(origin="editor") | ~Q(reason=""), name="pick_filled_says_why"),
        ]

    def __str__(self) -> str:
        return self.shown_headline

    @property
    def shown_headline(self) -> str:
        return self.headline or self.article.headline

    @property
    def shown_blurb(self) -> str:
        return self.blurb or self.article.standfirst


class IssueRendering(models.Model):
    """The two renderings that approval froze: the mail, in HTML and text, and the page of the archive.

    `mail_html` and `mail_text` hold markers where each reader's own links will stand.
    """

    issue = models.OneToOneField(Issue, on_delete=models.CASCADE, related_name="rendering")
    subject = models.CharField(_("subject"), max_length=250)
    preheader = models.CharField(_("preheader"), max_length=250, blank=True)
    mail_html = models.TextField(_("mail in HTML"))
    mail_text = models.TextField(_("mail in text"))
    web_html = models.TextField(_("web page"))
    issue_version = models.PositiveIntegerField(_("version of the issue"))
    rendered_at = models.DateTimeField(_("rendered at"))

    personal_data = PersonalData(
        not_personal={
            "subject preheader mail_html": "The same for every reader: their own links are put in on the wire.",
            "mail_text web_html": "The same for every reader: their own links are put in on the wire.",
        },
    )

    class Meta:
        verbose_name = _("frozen rendering")
        verbose_name_plural = _("frozen renderings")

    def __str__(self) -> str:
        return self.subject
