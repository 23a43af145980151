from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from newsroom.personal_data import PersonalData


class StaffMember(User):
    """An account of the newsroom's staff. What may be done to one is in `newsroom.staff_people`."""

    class Meta:
        proxy = True
        verbose_name = _("member of staff")
        verbose_name_plural = _("staff")
        default_permissions = ("view",)
        permissions = [
            ("invite_staff", "May invite people to the staff"),
            ("end_staff_access", "May end a person's access"),
            ("change_staff_roles", "May change the roles of others"),
            ("ask_new_device", "May ask that a person who lost a device gets in again"),
            ("approve_new_device", "May approve what another asked for a lost device"),
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.get_username()

    @property
    def history_label(self) -> str:
        return str(self)

    @property
    def role_names(self) -> list[str]:
        return sorted(group.name for group in self.groups.all())


class StaffInvitation(models.Model):
    """A way in by a single-use link: for somebody new, or for one whose device is lost.

    `asked → sent → used`, or `ended` on the way. Only the hash of the link's token is kept. For a lost device the
    link is made when a second person approves; a constraint refuses a row where both are one.
    """

    class Kind(models.TextChoices):
        JOIN = "join", _("invitation")
        NEW_DEVICE = "new device", _("lost device")

    kind = models.CharField(_("kind"), max_length=12, choices=Kind)
    address = models.EmailField(_("email"))
    name = models.CharField(_("name"), max_length=120, blank=True)
    roles = ArrayField(models.CharField(max_length=80), verbose_name=_("roles"), default=list, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("account"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("asked by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    asked_at = models.DateTimeField(_("asked at"))
    reason = models.TextField(_("reason"), blank=True)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("approved by"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)
    token_hash = models.CharField(max_length=64, null=True, blank=True, unique=True, editable=False)
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    personal_data = PersonalData(
        not_personal={
            "address name": "A colleague's and no reader's; emptied by the rule `staff-invitations`.",
            "kind roles reason token_hash": "What the newsroom offers, and why.",
            "user asked_by approved_by": "Accounts of the staff.",
            "asked_at sent_at expires_at used_at ended_at": "When each step was.",
        },
    )

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations and lost devices")
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                name="new_device_needs_two_people",
                condition=~Q(kind="new device")
                | Q(token_hash__isnull=True)
                | (Q(asked_by__isnull=False) & Q(approved_by__isnull=False) & ~Q(asked_by=F("approved_by"))),
            ),
            models.CheckConstraint(
                name="new_device_is_approved_by_another",
                condition=~Q(kind="new device") | Q(approved_by__isnull=True) | ~Q(user=F("approved_by")),
            ),
            models.CheckConstraint(
                name="link_has_an_end",
                condition=Q(token_hash__isnull=True) | (Q(expires_at__isnull=False) & Q(sent_at__isnull=False)),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"

    @property
    def is_open(self) -> bool:
        return self.used_at is None and self.ended_at is None


class StaffSession(models.Model):
    """One browser in which a member of staff is logged in. It holds no network and no exact program."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("account"), on_delete=models.CASCADE, related_name="staff_sessions"
    )
    session_key = models.CharField(max_length=40, unique=True, editable=False)
    browser = models.CharField(_("browser"), max_length=60)
    started_at = models.DateTimeField(_("started at"))
    last_seen_at = models.DateTimeField(_("last seen at"))

    personal_data = PersonalData(
        not_personal={
            "user session_key browser started_at last_seen_at": "Staff's own, deleted when the session ends."
        },
    )

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.browser} {self.pk}"
