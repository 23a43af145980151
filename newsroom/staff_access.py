"""Who may use the staff's pages now: a second factor for everyone, and a fresh proof before what is grave."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from newsroom import staff_sessions

STAFF_PATH = "/admin/"
Response = TypeVar("Response", bound=HttpResponseBase)

# Where a person who has no second factor yet may go, to set one up.
ACCOUNT_PATH = "/admin/account/"


def has_second_factor(user: Any) -> bool:
    """Say whether an account has a passkey or an app. Recovery codes alone are none."""
    return Authenticator.objects.filter(user_id=user.pk).exclude(type=Authenticator.Type.RECOVERY_CODES).exists()


def used_second_factor(request: HttpRequest) -> bool:
    return any(record.get("method") == "mfa" for record in get_authentication_records(request, request.user))


def is_fresh(request: HttpRequest) -> bool:
    """Say whether the person proved within the last minutes that it is still them, by whatever they log in with."""
    records = get_authentication_records(request, request.user)
    limit: int = settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
    return any(time.time() - record["at"] < limit for record in records)


def proven(view: Callable[..., Response]) -> Callable[..., Response]:
    """Guard a view that is grave: who has not proven within 15 minutes who they are is asked first, then goes on."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        demand_proof(request)
        return view(request, *args, **kwargs)

    return guarded


def demand_proof(request: HttpRequest) -> None:
    """Raise ReauthenticationRequired, which asks the person to log in again and then repeats their request."""
    if not is_fresh(request):
        raise ReauthenticationRequired


class StaffAccessMiddleware:
    """Hold every staff page back until a second factor was used, and note which browsers are logged in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith(STAFF_PATH) or not request.user.is_authenticated:
            return self.get_response(request)
        held_back = self._held_back(request)
        if held_back is not None:
            return held_back
        response = self.get_response(request)
        if request.user.is_authenticated:
            staff_sessions.note(request, request.user, at=timezone.now())
        return response

    def _held_back(self, request: HttpRequest) -> HttpResponse | None:
        if not settings.STAFF_SECOND_FACTOR or used_second_factor(request):
            return None
        if has_second_factor(request.user):
            # A session from before the second factor was set up, or from before it was demanded.
            logout(request)
            return redirect(settings.LOGIN_URL)
        if request.path_info.startswith(ACCOUNT_PATH):
            return None
        messages.info(request, _("Set up a passkey or an authenticator app first. Every account here needs one."))
        return redirect("mfa_index")
