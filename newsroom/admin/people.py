"""The staff: who they are, what they may do, and the steps of coming and leaving."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from newsroom import staff_people
from newsroom.addresses import InvalidAddress, normalise_email
from newsroom.admin.facts import FactsAdmin
from newsroom.history import entries_of
from newsroom.models import StaffInvitation, StaffMember
from newsroom.roles import ROLES
from newsroom.staff_access import proven


class ReasonForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}))


class RolesForm(ReasonForm):
    roles = forms.MultipleChoiceField(
        label=gettext_lazy("Roles"),
        choices=[(name, name) for name in ROLES],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    field_order = ["roles", "reason"]


class InviteForm(RolesForm):
    address = forms.CharField(label=gettext_lazy("Email"), max_length=254)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    field_order = ["name", "address", "roles", "reason"]

    def clean_address(self) -> str:
        try:
            return normalise_email(self.cleaned_data["address"])
        except InvalidAddress as error:
            raise forms.ValidationError(_("This is not an email address.")) from error


# Step → permission, form, title, button, what it does, in the words of the page.
STEPS: dict[str, tuple[str, type[ReasonForm], Any, Any, Any]] = {
    "roles": (
        "newsroom.change_staff_roles",
        RolesForm,
        gettext_lazy("Change roles"),
        gettext_lazy("Give exactly these roles"),
        gettext_lazy("Roles count from the person's next click. Nobody changes their own."),
    ),
    "leave": (
        "newsroom.end_staff_access",
        ReasonForm,
        gettext_lazy("End access"),
        gettext_lazy("End this person's access now"),
        gettext_lazy(
            "One person is logged out everywhere at once and can no longer log in; password, passkeys and links are "
            "dead. Bylines and history stay. To bring them back, invite them again."
        ),
    ),
    "lost-device": (
        "newsroom.ask_new_device",
        ReasonForm,
        gettext_lazy("Lost device"),
        gettext_lazy("Log this person out and ask a colleague to approve"),
        gettext_lazy(
            "One person is logged out everywhere at once. They get in again only when a second colleague approves, who "
            "has spoken to them by a way you both trust. You cannot approve what you asked for yourself."
        ),
    ),
}


@admin.register(StaffMember)
class StaffMemberAdmin(FactsAdmin):
    list_display = ["username", "full_name", "roles", "is_active", "second_factor", "last_login"]
    list_filter = ["is_active", "groups"]
    search_fields = ["username", "first_name", "last_name", "=email"]
    ordering = ["-is_active", "username", "pk"]
    fields = ["username", "full_name", "email", "roles", "is_active", "second_factor", "last_login", "date_joined"]
    readonly_fields = ["full_name", "roles", "second_factor"]
    change_list_template = "admin/newsroom/staffmember/change_list.html"
    change_form_template = "admin/newsroom/staffmember/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StaffMember]:
        factors = Authenticator.objects.filter(user_id=OuterRef("pk")).exclude(type=Authenticator.Type.RECOVERY_CODES)
        return super().get_queryset(request).prefetch_related("groups").annotate(has_factor=Exists(factors))

    @admin.display(description=gettext_lazy("name"))
    def full_name(self, member: StaffMember) -> str:
        return member.get_full_name()

    @admin.display(description=gettext_lazy("roles"))
    def roles(self, member: StaffMember) -> str:
        names = [_("everything"), *member.role_names] if member.is_superuser else member.role_names
        return ", ".join(names) or "—"

    @admin.display(description=gettext_lazy("second factor"), boolean=True)
    def second_factor(self, member: Any) -> bool:
        return bool(member.has_factor)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("invite/", view(proven(self.invite)), name="staff-invite"),
            path("<int:pk>/step/<slug:step>/", view(proven(self.step)), name="staff-step"),
            *super().get_urls(),
        ]

    def change_view(self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
        steps = [(name, words[2]) for name, words in STEPS.items() if request.user.has_perm(words[0])]
        member = StaffMember.objects.filter(pk=object_id).first() if object_id.isdecimal() else None
        is_other = member is not None and member.is_active and member.pk != request.user.pk
        context = {
            **(extra_context or {}),
            "steps": steps if is_other else [],
            "entries": entries_of(member)[:50] if member is not None else [],
        }
        return super().change_view(request, object_id, form_url, context)

    def invite(self, request: HttpRequest) -> HttpResponse:
        """Mail somebody a link to an account of their own."""
        _demand(request, "newsroom.invite_staff")
        form = InviteForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            words = form.cleaned_data

            def deed() -> None:
                staff_people.invite(
                    address=words["address"],
                    name=words["name"],
                    roles=words["roles"],
                    by=request.user,
                    reason=words["reason"],
                    at=timezone.now(),
                )

            if _is_done(form, deed):
                messages.success(request, _("The invitation is on its way. Its link works once, for seven days."))
                return redirect("admin:newsroom_staffinvitation_changelist")
        explained = _("One mail goes to this address. The person chooses a password and sets up a second factor.")
        return self._page(
            request, form, title=_("Invite somebody"), button=_("Send the invitation"), explained=explained
        )

    def step(self, request: HttpRequest, pk: int, step: str) -> HttpResponse:
        """Ask for a reason, then do one step to one person."""
        if step not in STEPS:
            raise PermissionDenied
        permission, form_class, title, button, explained = STEPS[step]
        _demand(request, permission)
        member = get_object_or_404(StaffMember, pk=pk)
        form = form_class(
            request.POST if request.method == "POST" else None,
            initial={"roles": member.role_names} if step == "roles" else None,
        )
        if form.is_valid() and _is_done(form, lambda: self._do(step, member, form.cleaned_data, request)):
            messages.success(request, _("Done, and written to the history."))
            return redirect("admin:newsroom_staffmember_change", pk)
        return self._page(request, form, title=f"{title}: {member}", button=button, explained=explained, member=member)

    def _do(self, step: str, member: StaffMember, words: dict[str, Any], request: HttpRequest) -> None:
        how = {"by": request.user, "reason": words["reason"], "at": timezone.now()}
        if step == "roles":
            staff_people.change_roles(member, words["roles"], **how)
        elif step == "leave":
            staff_people.end_access(member, **how)
        else:
            staff_people.ask_new_device(member, **how)

    def _page(self, request: HttpRequest, form: forms.Form, *, member: Any = None, **words: Any) -> HttpResponse:
        back = "admin:newsroom_staffmember_changelist"
        context = {**self.admin_site.each_context(request), "opts": self.opts, "form": form, **words}
        context["back"] = (
            reverse(back) if member is None else reverse("admin:newsroom_staffmember_change", args=[member.pk])
        )
        status = 422 if form.is_bound else 200
        return TemplateResponse(request, "admin/newsroom/staffmember/step.html", context, status=status)


@admin.register(StaffInvitation)
class StaffInvitationAdmin(FactsAdmin):
    list_display = ["asked_at", "kind", "address", "user", "asked_by", "approved_by", "sent_at", "used_at", "ended_at"]
    list_filter = ["kind"]
    list_select_related = ["user", "asked_by", "approved_by"]
    ordering = ["-asked_at", "-pk"]
    change_form_template = "admin/newsroom/staffinvitation/change_form.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/approve/", view(proven(self.approve)), name="staff-approve"),
            path("<int:pk>/end/", view(proven(self.end)), name="staff-invitation-end"),
            *super().get_urls(),
        ]

    def approve(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Let somebody who lost a device in again, as the second person."""
        _demand(request, "newsroom.approve_new_device")
        explained = _(
            "Approve only after you have spoken to the person yourself. Their old password and device open nothing any "
            "more, and one mail with a link goes to the address of their account."
        )
        words = {"title": _("Approve"), "button": _("I have spoken to them. Send the link"), "explained": explained}
        return self._answer(request, pk, staff_people.approve_new_device, words)

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        """End an invitation, or refuse what was asked."""
        _demand(request, "newsroom.invite_staff")
        explained = _("One link is dead from now on. The person is not told.")
        words = {"title": _("End this"), "button": _("End it"), "explained": explained}
        return self._answer(request, pk, staff_people.end_invitation, words)

    def _answer(self, request: HttpRequest, pk: int, deed: Callable[..., None], words: dict[str, Any]) -> HttpResponse:
        asked = get_object_or_404(StaffInvitation, pk=pk)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            reason = form.cleaned_data["reason"]
            if _is_done(form, lambda: deed(pk, by=request.user, reason=reason, at=timezone.now())):
                messages.success(request, _("Done, and written to the history."))
                return redirect("admin:newsroom_staffinvitation_changelist")
        context = {**self.admin_site.each_context(request), "opts": self.opts, "form": form, **words}
        context["back"] = reverse("admin:newsroom_staffinvitation_change", args=[asked.pk])
        status = 422 if form.is_bound else 200
        return TemplateResponse(request, "admin/newsroom/staffmember/step.html", context, status=status)


def _demand(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _is_done(form: forms.Form, deed: Callable[[], object]) -> bool:
    """Do it, or put the refusal into the form."""
    try:
        deed()
    except staff_people.NotPossible as refusal:
        form.add_error(None, str(refusal))
        return False
    return True
