"""How django-allauth fits the newsroom: no sign-up, no mail of its own, and a trace of every change of a factor."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import record_authentication
from allauth.mfa import signals
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from newsroom import staff_secrets
from newsroom.history import record
from newsroom.mail import queue_mail
from newsroom.models import StaffMember
from newsroom.outlet import current_outlet
from newsroom.staff_access import is_fresh


class StaffAccountAdapter(DefaultAccountAdapter):
    """Accounts are made by invitation alone. Whoever just logged in need not prove it again at once."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs: Any) -> bool:
        return not is_fresh(self.request)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send nothing: what the staff is mailed goes through the outbox."""

    def send_notification_mail(self, *args: Any, **kwargs: Any) -> None:
        """Send nothing: `tell_of_factor` does, for every factor alike."""


class SecondFactorAdapter(DefaultMFAAdapter):
    """Factors carry the outlet's name, and the last one stays where every account needs one."""

    def _get_site_name(self) -> str:
        return current_outlet().name or settings.SITE_HOST

    def encrypt(self, text: str) -> str:
        return staff_secrets.encrypted(text)

    def decrypt(self, encrypted_text: str) -> str:
        return staff_secrets.decrypted(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        if not settings.STAFF_SECOND_FACTOR or authenticator.type == Authenticator.Type.RECOVERY_CODES:
            return True
        others = Authenticator.objects.filter(user_id=authenticator.user_id).exclude(pk=authenticator.pk)
        return others.exclude(type=Authenticator.Type.RECOVERY_CODES).exists()


def listen() -> None:
    for signal in (signals.authenticator_added, signals.authenticator_removed, signals.authenticator_reset):
        signal.connect(tell_of_factor, dispatch_uid="staff-factor")
    signals.authenticator_used.connect(renew_secrets, dispatch_uid="staff-factor-used")


def renew_secrets(*, user: Any, **kwargs: Any) -> None:
    """Bring a person's secrets under the current key: this is the moment at which all of them are surely wanted."""
    staff_secrets.renew(user_id=user.pk)


def tell_of_factor(
    *, signal: Any, request: HttpRequest, user: Any, authenticator: Authenticator, **kwargs: Any
) -> None:
    """Write a change of somebody's factors to the history, and tell the person by mail: it may not have been them."""
    at = timezone.now()
    is_new = signal is signals.authenticator_added
    verb = "added" if is_new else "removed" if signal is signals.authenticator_removed else "renewed"
    kind = str(authenticator.type)
    with transaction.atomic():
        member = StaffMember.objects.get(pk=user.pk)
        entry = record(member, action=f"staff.factor_{verb}", actor=user, after={"kind": kind}, at=at)
        if user.email:
            words = _(
                "Something with which you log in was changed (%(kind)s). If this was not you, tell a colleague at "
                "once: they can end all access of your account."
            )
            queue_mail(
                key=f"staff-factor-{entry.pk}",
                template="notice",
                to=user.email,
                context={
                    "title": _("How you log in was changed"),
                    "words": words % {"kind": authenticator.get_type_display()},
                    "url": f"{settings.SITE_URL}/admin/account/",
                },
                at=at,
            )
    if is_new and kind != Authenticator.Type.RECOVERY_CODES:
        # It was in their hands a moment ago, so this session counts as opened with it.
        record_authentication(request, user, "mfa", id=authenticator.pk, type=kind)
