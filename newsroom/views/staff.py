"""A member of staff's own access: where they are logged in, how to end that, and the link by which they come in."""

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from newsroom import staff_people, staff_sessions
from newsroom.history import record
from newsroom.models import StaffInvitation, StaffMember, StaffSession


class ComeInForm(forms.Form):
    """A new password, and for a new account the name to log in with."""

    username = forms.CharField(
        label=gettext_lazy("Name to log in with"),
        max_length=150,
        validators=[User.username_validator],
        widget=forms.TextInput(attrs={"autocomplete": "username"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )
    again = forms.CharField(
        label=gettext_lazy("The same password again"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: Any, invitation: StaffInvitation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.invitation = invitation
        if invitation.user is not None:
            del self.fields["username"]

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        if User.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError(_("Somebody has this name already."))
        return name

    def clean(self) -> dict[str, Any]:
        words = super().clean() or self.cleaned_data
        password = words.get("password")
        if password and password != words.get("again"):
            self.add_error("again", _("The two passwords differ."))
        elif password:
            user = self.invitation.user or User(username=words.get("username", ""), email=self.invitation.address)
            try:
                validate_password(password, user)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return words


@login_required
def own_access(request: HttpRequest) -> HttpResponse:
    """Show where a person is logged in, and with what."""
    member = _member(request)
    context = {
        "title": _("Your access"),
        "sessions": StaffSession.objects.filter(user_id=member.pk).order_by("-last_seen_at", "-pk"),
        "this_session": request.session.session_key,
        "factors": Authenticator.objects.filter(user_id=member.pk).order_by("type", "pk"),
    }
    return TemplateResponse(request, "account/own_access.html", context)


@require_POST
@login_required
def log_out_everywhere(request: HttpRequest) -> HttpResponse:
    """End every other session of the person."""
    member = _member(request)
    ended = staff_sessions.end_all(member, except_key=request.session.session_key or "")
    record(member, action="staff.logged_out_everywhere", actor=member, after={"sessions": ended})
    messages.success(request, _("%(count)s other sessions have ended.") % {"count": ended})
    return redirect("staff-access")


def come_in(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a mailed link opens; its POST uses the link up."""
    at = timezone.now()
    try:
        invitation = staff_people.find(token, at=at)
        form = ComeInForm(request.POST if request.method == "POST" else None, invitation=invitation)
        if form.is_valid():
            words = form.cleaned_data
            staff_people.come_in(token, username=words.get("username", ""), password=words["password"], at=at)
            messages.success(request, _("Now log in. Then you are asked for a passkey or an authenticator app."))
            return redirect("account_login")
    except staff_people.LinkIsDead:
        dead = {"title": _("This link no longer works")}
        return TemplateResponse(request, "account/dead_link.html", dead, status=404)
    context = {"title": _("Choose a password"), "form": form, "invitation": invitation}
    return TemplateResponse(request, "account/come_in.html", context, status=422 if form.is_bound else 200)


def _member(request: HttpRequest) -> StaffMember:
    return StaffMember.objects.get(pk=request.user.pk or 0)
