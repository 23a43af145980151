"""Versions of the Privacy Policy, each with a text per language."""

import hashlib
from datetime import datetime
from typing import Any, Self

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Func, Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import PersonalData
from newsroom.sanitising import clean


def text_hash(body: str) -> str:
    """Return the SHA-256 of a text in UTF-8 as 64 hexadecimal digits."""
    return hashlib.sha256(body.encode()).hexdigest()


class PrivacyPolicyQuerySet(models.QuerySet["PrivacyPolicy"]):
    def published(self) -> Self:
        return self.filter(published_at__isnull=False)

    def in_force(self, at: datetime) -> "PrivacyPolicy | None":
        """Return the version that binds us at a moment, or None before the first."""
        return self.published().filter(in_force_from__lte=at).order_by("-in_force_from", "-pk").first()

    def next_boundary(self, at: datetime) -> datetime | None:
        """Return when the next published version comes into force: the sign-up form names it from then on."""
        ahead = self.published().filter(in_force_from__gt=at).order_by("in_force_from", "pk")
        return ahead.values_list("in_force_from", flat=True).first()

    def before(self, policy: "PrivacyPolicy") -> "PrivacyPolicy | None":
        """Return the published version that a published version replaced."""
        same_day = Q(in_force_from=policy.in_force_from, pk__lt=policy.pk)
        older = self.published().filter(Q(in_force_from__lt=policy.in_force_from) | same_day)
        return older.order_by("-in_force_from", "-pk").first()


class PrivacyPolicy(models.Model):
    """A version of the Privacy Policy: a draft until it is published, and never changed after.

    A trigger of the database refuses any change to a published version and to its texts, because
    consent names a version and a hash, and both must still be what the reader saw.
    """

    version = models.CharField(
        _("version"),
        max_length=20,
        unique=True,
        validators=[RegexValidator(r"^[0-9A-Za-z][0-9A-Za-z.-]*\Z")],
        help_text=_("Short and readable, such as 2026-1. It stands in every consent."),
    )
    in_force_from = models.DateTimeField(_("in force from"), null=True, blank=True)
    published_at = models.DateTimeField(_("published at"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    personal_data = PersonalData(
        not_personal={
            "version": "The newsroom's own words.",
        },
    )

    objects = PrivacyPolicyQuerySet.as_manager()

    class Meta:
        verbose_name = _("privacy policy")
        verbose_name_plural = _("privacy policies")
        permissions = [("publish_policy", "Can publish a privacy policy")]
        constraints = [
            models.CheckConstraint(
                name="subscriptions_policy_published_has_date",
                condition=Q(published_at__isnull=True) | Q(in_force_from__isnull=False),
            ),
            models.CheckConstraint(name="subscriptions_policy_version_not_empty", condition=~Q(version="")),
        ]

    def __str__(self) -> str:
        return self.version

    def get_absolute_url(self) -> str:
        return reverse("subscriptions:policy", kwargs={"version": self.version})

    @property
    def is_published(self) -> bool:
        return self.published_at is not None


class PolicyText(models.Model):
    """The text of one version in one language, as sanitised HTML. The hash is of exactly what is stored."""

    # A draft takes its texts with it; the trigger keeps a published version and so its texts.
    policy = models.ForeignKey(PrivacyPolicy, on_delete=models.CASCADE, related_name="texts", verbose_name=_("policy"))
    language = models.CharField(_("language"), max_length=10)
    title = models.CharField(_("title"), max_length=200)
    summary = models.TextField(
        _("summary"), blank=True, help_text=_("One or two sentences that readers see above the text.")
    )
    body = models.TextField(_("text"))
    body_hash = models.CharField(_("SHA-256 of the text"), max_length=64, editable=False)

    personal_data = PersonalData(
        not_personal={
            "language title summary body body_hash": "The newsroom's own words.",
        },
    )

    class Meta:
        verbose_name = _("text of a privacy policy")
        verbose_name_plural = _("texts of privacy policies")
        constraints = [
            models.UniqueConstraint(name="subscriptions_policytext_one_per_language", fields=["policy", "language"]),
            models.CheckConstraint(
                name="subscriptions_policytext_hash_is_of_body",
                condition=Q(
                    body_hash=Func(
                        F("body"),
                        template="encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')",
                        output_field=models.CharField(),
                    )
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.policy_id} {self.language}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.body = clean(self.body)
        self.body_hash = text_hash(self.body)
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        return reverse(
            "subscriptions:policy_text",
            kwargs={"version": self.policy.version, "language": self.language},
        )
