"""The pages by which staff log in and prove who they are: django-allauth's own, each under the newsroom's guard.

Only what is wanted is here: no sign-up, no change of address, no password by mail. Who lost a password or a device
comes in again by two colleagues (`newsroom.staff_people`).
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account import views as account
from allauth.account.internal.stagekit import unstash_login
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as passkeys
from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django.views.i18n import set_language

from newsroom import limits
from newsroom.views import staff

# By network, and for one account. A passkey cannot be guessed, so the account's limit does not hold it back: whoever
# types wrong passwords for a colleague's name cannot keep that colleague out.
NETWORK_RATE = "60/hour"
SHARED_NETWORK_RATE = "600/hour"
ACCOUNT_RATE = "10/15 minutes"


def guarded(view: Callable[..., Any]) -> Callable[..., HttpResponseBase]:
    """Give a page the staff's policy and frame, and count what is sent to it."""

    @never_cache
    @csp_replace(settings.STAFF_CONTENT_SECURITY_POLICY)
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        frame = {**admin.site.each_context(request), "is_nav_sidebar_enabled": False}
        frame["needs_second_factor"] = settings.STAFF_SECOND_FACTOR
        if request.method == "POST" and not _may_try(request):
            page: HttpResponse = render(request, "account/too_many.html", frame, status=429)
            return page
        response: HttpResponseBase = view(request, *args, **kwargs)
        if isinstance(response, TemplateResponse) and not response.is_rendered:
            response.context_data = {**frame, **(response.context_data or {})}
        return response

    return answer


def _may_try(request: HttpRequest) -> bool:
    network = limits.network_of(request)
    rate = SHARED_NETWORK_RATE if limits.is_shared(network) else NETWORK_RATE
    if not limits.allow("staff-login-network", network, rate=rate):
        return False
    account_tried = _account_tried(request)
    return not account_tried or limits.allow("staff-login-account", account_tried, rate=ACCOUNT_RATE)


def _account_tried(request: HttpRequest) -> str:
    """Name the account whose password or code is tried, or nothing where none is."""
    if name := request.POST.get("login", "").strip().lower():
        return f"name:{name}"
    if "password" not in request.POST and "code" not in request.POST:
        return ""
    login = unstash_login(request, peek=True)
    user = request.user if request.user.is_authenticated else login.user if login is not None else None
    return "" if user is None else f"id:{user.pk}"


urlpatterns = [
    path("", guarded(staff.own_access), name="staff-access"),
    path("language/", require_POST(set_language), name="staff-language"),
    path("sessions/end/", guarded(staff.log_out_everywhere), name="staff-log-out-everywhere"),
    path("come-in/<str:token>/", guarded(staff.come_in), name="staff-come-in"),
    path("login/", guarded(account.login), name="account_login"),
    path("logout/", guarded(account.logout), name="account_logout"),
    path("closed/", guarded(account.account_inactive), name="account_inactive"),
    path("again/", guarded(account.reauthenticate), name="account_reauthenticate"),
    path("factors/", guarded(mfa.index), name="mfa_index"),
    path("factors/log-in/", guarded(mfa.authenticate), name="mfa_authenticate"),
    path("factors/again/", guarded(mfa.reauthenticate), name="mfa_reauthenticate"),
    path("factors/app/", guarded(totp.activate_totp), name="mfa_activate_totp"),
    path("factors/app/remove/", guarded(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path("factors/codes/", guarded(codes.view_recovery_codes), name="mfa_view_recovery_codes"),
    path("factors/codes/new/", guarded(codes.generate_recovery_codes), name="mfa_generate_recovery_codes"),
    path("factors/codes/file/", guarded(codes.download_recovery_codes), name="mfa_download_recovery_codes"),
    path("factors/passkeys/", guarded(passkeys.list_webauthn), name="mfa_list_webauthn"),
    path("factors/passkeys/add/", guarded(passkeys.add_webauthn), name="mfa_add_webauthn"),
    path("factors/passkeys/log-in/", guarded(passkeys.login_webauthn), name="mfa_login_webauthn"),
    path("factors/passkeys/again/", guarded(passkeys.reauthenticate_webauthn), name="mfa_reauthenticate_webauthn"),
    path("factors/passkeys/<int:pk>/remove/", guarded(passkeys.remove_webauthn), name="mfa_remove_webauthn"),
    path("factors/passkeys/<int:pk>/edit/", guarded(passkeys.edit_webauthn), name="mfa_edit_webauthn"),
]
