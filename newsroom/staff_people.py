"""How people come to the staff, change their roles, get in again after a lost device, and leave."""

import hashlib
import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from newsroom import staff_sessions
from newsroom.history import record
from newsroom.mail import queue_mail
from newsroom.models import StaffInvitation, StaffMember
from newsroom.roles import ROLES

Kind = StaffInvitation.Kind
# A new colleague may be on holiday; who lost a device asked for the link today.
VALID_FOR = {Kind.JOIN: timedelta(days=7), Kind.NEW_DEVICE: timedelta(hours=24)}


class NotPossible(Exception):
    """This cannot be done to this person, or not by this one. The message is for staff."""


class LinkIsDead(Exception):
    """The link was used, has run out, was ended, or never was."""


@transaction.atomic
def invite(*, address: str, name: str, roles: Collection[str], by: Any, reason: str, at: datetime) -> StaffInvitation:
    """Mail somebody a link to an account with the roles that the inviter chose. Raises NotPossible.

    `address` is normalised. An earlier invitation of the same address ends. Who left and is invited again gets the
    same account back, so that the history keeps one name for one person.
    """
    if User.objects.filter(email__iexact=address, is_active=True).exists():
        raise NotPossible(_("Somebody with this address is on the staff already."))
    _known(roles)
    _open().filter(kind=Kind.JOIN, address=address).update(ended_at=at)
    invitation = StaffInvitation.objects.create(
        kind=Kind.JOIN,
        address=address,
        name=name,
        roles=sorted(roles),
        user=User.objects.filter(email__iexact=address, is_active=False).first(),
        asked_by_id=None if by is None else by.pk,
        asked_at=at,
        reason=reason,
    )
    record(invitation, action="staff.invited", actor=by, reason=reason, after={"roles": sorted(roles)}, at=at)
    _send(invitation, at=at)
    return invitation


@transaction.atomic
def ask_new_device(member: StaffMember, *, by: Any, reason: str, at: datetime) -> StaffInvitation:
    """Note that somebody lost their device, for a second person to approve. Raises NotPossible.

    All their sessions end at once: the device may be in other hands.
    """
    _demand_another(member, by)
    if not member.is_active:
        raise NotPossible(_("This person has left. Invite them again instead."))
    if not member.email:
        raise NotPossible(_("This account has no address that a link could be mailed to."))
    if _open().filter(kind=Kind.NEW_DEVICE, user=member).exists():
        raise NotPossible(_("This was asked already, and waits for somebody else to approve it."))
    staff_sessions.end_all(member)
    asked = StaffInvitation.objects.create(
        kind=Kind.NEW_DEVICE, address=member.email, user=member, asked_by=by, asked_at=at, reason=reason
    )
    record(member, action="staff.new_device_asked", actor=by, reason=reason, at=at)
    return asked


@transaction.atomic
def approve_new_device(pk: int, *, by: Any, reason: str, at: datetime) -> None:
    """Let somebody in again, as the second person. Raises NotPossible.

    1. The lost device and the old password open nothing any more, and every session ends.
    2. The person is mailed a link, valid for a day, to set a new password and then a new second factor.
    """
    asked = _open().select_for_update(of=["self"]).select_related("user").filter(pk=pk, kind=Kind.NEW_DEVICE).first()
    if asked is None or asked.user is None or asked.sent_at is not None:
        raise NotPossible(_("There is nothing to approve any more."))
    if by.pk == asked.asked_by_id:
        raise NotPossible(_("You asked for this yourself. Somebody else has to approve it."))
    member = StaffMember.objects.get(pk=asked.user.pk)
    _demand_another(member, by)
    _shut_out(member)
    asked.approved_by = by
    asked.save(update_fields=["approved_by"])
    record(member, action="staff.new_device_approved", actor=by, reason=reason, at=at)
    _send(asked, at=at)


@transaction.atomic
def end_invitation(pk: int, *, by: Any, reason: str, at: datetime) -> None:
    """End an invitation, or refuse what was asked for a lost device. Its link is dead from now on."""
    if not _open().filter(pk=pk).update(ended_at=at, token_hash=None):
        raise NotPossible(_("It was used or ended already."))
    record(StaffInvitation(pk=pk), action="staff.invitation_ended", actor=by, reason=reason, at=at)


@transaction.atomic
def change_roles(member: StaffMember, roles: Collection[str], *, by: Any, reason: str, at: datetime) -> None:
    """Give somebody exactly these roles. Nobody changes their own. Raises NotPossible."""
    _known(roles)
    _demand_another(member, by)
    before = member.role_names
    if set(before) == set(roles):
        return
    member.groups.set(Group.objects.filter(name__in=roles))
    record(member, action="staff.roles_changed", actor=by, reason=reason, before=before, after=sorted(roles), at=at)


@transaction.atomic
def end_access(member: StaffMember, *, by: Any, reason: str, at: datetime) -> None:
    """End somebody's access at once. Raises NotPossible.

    1. The account is closed and holds no role, no password and no second factor; every session ends.
    2. What they were mailed to get in is dead.
    3. Bylines, articles and the history keep the name.
    """
    _demand_another(member, by)
    before = member.role_names
    _shut_out(member)
    User.objects.filter(pk=member.pk).update(is_active=False, is_staff=False, is_superuser=False)
    member.groups.clear()
    member.user_permissions.clear()
    _open().filter(user=member).update(ended_at=at, token_hash=None)
    record(member, action="staff.left", actor=by, reason=reason, before=before, at=at)


def find(token: str, *, at: datetime) -> StaffInvitation:
    """Return what a link opens, without using it. Raises LinkIsDead."""
    if not token:
        raise LinkIsDead
    found = _open().filter(token_hash=_hashed(token), expires_at__gt=at).select_related("user").first()
    if found is None:
        raise LinkIsDead
    return found


@transaction.atomic
def come_in(token: str, *, username: str, password: str, at: datetime) -> User:
    """Use up a link: make the account or open it again, with the person's own password. Raises LinkIsDead.

    `username` counts for a new account only. The second factor follows at the first log-in.
    """
    found = StaffInvitation.objects.select_for_update().get(pk=find(token, at=at).pk)
    if not found.is_open or found.token_hash is None:
        raise LinkIsDead
    user = found.user or User(username=username)
    if found.kind == Kind.JOIN:
        first, _space, last = found.name.partition(" ")
        user.first_name, user.last_name = first[:150], last[:150]
        user.email, user.is_active, user.is_staff = found.address, True, True
    elif not user.is_active:
        raise LinkIsDead
    user.set_password(password)
    user.save()
    if found.kind == Kind.JOIN:
        user.groups.set(Group.objects.filter(name__in=found.roles))
    staff_sessions.end_all(user)
    found.user, found.used_at, found.token_hash = user, at, None
    found.save(update_fields=["user", "used_at", "token_hash"])
    member = StaffMember.objects.get(pk=user.pk)
    action = "staff.joined" if found.kind == Kind.JOIN else "staff.came_in_again"
    record(member, action=action, actor=user, after={"roles": member.role_names}, at=at)
    return user


def forget_addresses(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Empty the address and name of invitations that ended before `limit`; who used one has an account with both."""
    old = StaffInvitation.objects.filter(asked_at__lt=limit).exclude(address="")
    return old.count() if is_dry_run else old.update(address="", name="", token_hash=None)


def _shut_out(member: StaffMember) -> None:
    Authenticator.objects.filter(user_id=member.pk).delete()
    member.set_unusable_password()
    member.save(update_fields=["password"])
    staff_sessions.end_all(member)


def _send(invitation: StaffInvitation, *, at: datetime) -> None:
    """Make the link, keep its hash, and queue its mail, which is not kept longer than it is needed."""
    token = secrets.token_urlsafe(32)
    invitation.token_hash = _hashed(token)
    invitation.sent_at = at
    invitation.expires_at = at + VALID_FOR[Kind(invitation.kind)]
    invitation.save(update_fields=["token_hash", "sent_at", "expires_at"])
    url = settings.SITE_URL + reverse("staff-come-in", args=[token])
    is_new = invitation.kind == Kind.JOIN
    queue_mail(
        key=f"staff-link-{invitation.pk}-{invitation.token_hash[:16]}",
        template="staff_link",
        to=invitation.address,
        context={"url": url, "name": invitation.name, "is_new": is_new, "roles": invitation.roles},
        at=at,
    )


def _open() -> Any:
    return StaffInvitation.objects.filter(used_at=None, ended_at=None)


def _hashed(token: str) -> str:
    """Hash a token of 256 random bits, which no search can find again from its hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def _known(roles: Collection[str]) -> None:
    if unknown := set(roles) - set(ROLES):
        raise NotPossible(_("There is no such role: %(names)s") % {"names": ", ".join(sorted(unknown))})


def _demand_another(member: StaffMember, by: Any) -> None:
    if by.pk == member.pk:
        raise NotPossible(_("Nobody does this to their own account. Ask a colleague."))
    if member.is_superuser and not by.is_superuser:
        raise NotPossible(_("This account may do everything; only another such account can do this."))
