"""An import of subscribers: the file as it came, a row for each line, and what became of it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import Erased, PersonalData
from subscriptions.models.newsletters import Newsletter
from subscriptions.models.subscribers import Subscription


class SubscriberImport(models.Model):
    """One file of subscribers for one newsletter.

    `received → staging → running → done → undoing → undone`, or `failed` when the file cannot be read, or `discarded`
    when it never ran. The file lies in the database, so that any worker on any machine can go on where another was
    killed.
    """

    class State(models.TextChoices):
        RECEIVED = "received", _("received, waiting for a look at it")
        STAGING = "staging", _("being read")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        UNDOING = "undoing", _("being undone")
        UNDONE = "undone", _("undone")
        FAILED = "failed", _("failed")
        DISCARDED = "discarded", _("discarded, its file deleted")

    newsletter = models.ForeignKey(Newsletter, verbose_name=_("newsletter"), on_delete=models.PROTECT, related_name="+")
    file_name = models.CharField(_("file"), max_length=200)
    source = models.CharField(
        _("source"), max_length=150, help_text=_("Where the list comes from, such as: Mailchimp, export of 3 May 2026.")
    )
    wording = models.TextField(
        _("words they agreed to"), help_text=_("The exact words readers saw when they agreed to this newsletter.")
    )
    evidence = models.CharField(
        _("evidence"), max_length=140, help_text=_("Where the proof of their consent is kept, and who can produce it.")
    )
    encoding = models.CharField(_("encoding"), max_length=20)
    delimiter = models.CharField(_("delimiter"), max_length=1)
    has_header = models.BooleanField(_("first line holds the names of columns"), default=True, db_default=True)
    email_column = models.CharField(_("column of addresses"), max_length=100)
    date_column = models.CharField(_("column of sign-up dates"), max_length=100, blank=True)
    status_column = models.CharField(_("column of states"), max_length=100, blank=True)
    language_column = models.CharField(_("column of languages"), max_length=100, blank=True, default="", db_default="")
    state = models.CharField(_("state"), max_length=10, choices=State.choices, default=State.RECEIVED)
    error = models.CharField(_("error"), max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("by"), on_delete=models.PROTECT, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    personal_data = PersonalData(
        not_personal={
            "file_name source wording evidence encoding delimiter": "About the list, in staff's own words.",
            "email_column date_column status_column language_column error": "About the list, in staff's own words.",
        },
    )

    class Meta:
        verbose_name = _("import")
        verbose_name_plural = _("imports")
        constraints = [
            models.CheckConstraint(
                name="subscriptions_import_state_allowed",
                condition=Q(
                    state__in=[
                        "received",
                        "staging",
                        "running",
                        "done",
                        "undoing",
                        "undone",
                        "failed",
                        "discarded",
                    ]
                ),
            ),
            models.CheckConstraint(
                name="subscriptions_import_proves_consent",
                condition=~Q(source="") & ~Q(wording="") & ~Q(evidence=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.pk})"


class ImportChunk(models.Model):
    """A piece of the file, in order."""

    # A part of the import and nothing by itself.
    subscriber_import = models.ForeignKey(SubscriberImport, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    personal_data = PersonalData(
        retention="imports",
        exported_in="newsletters.lines_of_files",
        erased=Erased.EMPTIED,
        columns={
            "content": "A file of staff's that waits to be imported. Its lines are found by reading it.",
        },
        not_personal={
            "number": "The order of the pieces.",
        },
    )

    class Meta:
        verbose_name = _("piece of an import")
        verbose_name_plural = _("pieces of imports")
        constraints = [
            models.UniqueConstraint(name="subscriptions_importchunk_once", fields=["subscriber_import", "number"])
        ]

    def __str__(self) -> str:
        return f"{self.number}"


class ImportRow(models.Model):
    """A line of the file and its verdict, which is empty until the line's turn has come."""

    class Verdict(models.TextChoices):
        IMPORTED = "imported", _("imported")
        INVALID = "invalid", _("no valid address")
        DUPLICATE = "duplicate", _("stands in the file before")
        ALREADY_ACTIVE = "already-active", _("subscribed already")
        PENDING = "pending", _("has still to confirm")
        UNSUBSCRIBED = "unsubscribed", _("unsubscribed, so left alone")
        SUPPRESSED = "suppressed", _("not written to")
        LEFT_THERE = "left-there", _("not subscribed in the file")
        UNDONE = "undone", _("undone")

    # A part of the import and nothing by itself.
    subscriber_import = models.ForeignKey(
        SubscriberImport, on_delete=models.CASCADE, related_name="rows", db_index=False
    )
    line = models.PositiveIntegerField()
    email = models.CharField(max_length=254, blank=True, help_text=_("Normalised, or as written where it is invalid."))
    signed_up_at = models.DateTimeField(null=True, blank=True)
    language = models.CharField(max_length=10, blank=True, default="", db_default="")
    verdict = models.CharField(max_length=16, choices=Verdict.choices, blank=True)
    # Erasing the person empties this.
    subscription = models.ForeignKey(Subscription, on_delete=models.SET_NULL, null=True, related_name="+")

    personal_data = PersonalData(
        found_by=("email",),
        retention="imports",
        exported_in="newsletters.lines_of_imports",
        erased=Erased.EMPTIED,
        columns={
            "line email signed_up_at language verdict": "What a file said, and what was done about it.",
        },
    )

    class Meta:
        verbose_name = _("line of an import")
        verbose_name_plural = _("lines of imports")
        constraints = [
            models.UniqueConstraint(name="subscriptions_importrow_once", fields=["subscriber_import", "line"])
        ]
        indexes = [
            models.Index(
                name="subscriptions_importrow_next",
                fields=["subscriber_import", "line"],
                condition=Q(verdict=""),
            ),
            models.Index(name="subscriptions_importrow_email", fields=["email"]),
        ]

    def __str__(self) -> str:
        return f"{self.line}"
