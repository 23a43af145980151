"""The staff's site: Django's admin, with the newsroom's dashboard and its own content security policy."""

from functools import wraps
from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.exceptions import DisallowedModelAdminToField
from django.contrib.admin.options import TO_FIELD_VAR
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models.base import ModelBase
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.i18n import JavaScriptCatalog

from newsroom import limits, preparing, registry
from newsroom.apps import PACKAGES
from newsroom.attention import attention_panel
from newsroom.models import HistoryEntry, PreparedPanel
from newsroom.pseudonyms import without_names
from newsroom.waking import wake

# Edited here, an account would change without a reason, a fresh proof and an entry in the history.
KEPT_FROM_HANDS = {"auth.user", "auth.group", "account.emailaddress", "mfa.authenticator"}


class StaffScriptWords(JavaScriptCatalog):
    """The words of the admin's scripts and of our own, in the language of who reads them."""

    packages = ["django.contrib.admin"]

    def get_paths(self, packages: list[str]) -> list[str]:
        return [*super().get_paths(packages), *map(str, settings.LOCALE_PATHS)]


def _with_a_field(view: Any) -> Any:
    """Refuse an empty name of a field as every other name that is none: Django looks it up, and fails."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.POST.get(TO_FIELD_VAR, request.GET.get(TO_FIELD_VAR)) == "":
            raise DisallowedModelAdminToField("The name of the field is empty.")
        return view(request, *args, **kwargs)

    return guarded


class StaffSite(admin.AdminSite):
    """Django's AdminSite under the staff policy: scripts of our own only, nothing inline, no foreign request."""

    site_header = _("Newsroom")
    site_title = _("Newsroom")
    index_title = _("This week in numbers")
    index_template = "admin/dashboard.html"

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Leave out what other apps register of accounts: those are changed by `newsroom.staff_people` alone."""
        models: Any = [model_or_iterable] if isinstance(model_or_iterable, ModelBase) else list(model_or_iterable)
        wanted = [model for model in models if model._meta.label_lower not in KEPT_FROM_HANDS]
        super().register(wanted, admin_class, **options)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return csp_replace(settings.STAFF_CONTENT_SECURITY_POLICY)(super().admin_view(_with_a_field(view), cacheable))

    def i18n_javascript(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: Any = StaffScriptWords.as_view()(request)
        return response

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Lead to the one page where staff log in. An account without a place here is told so, and not asked again."""
        if request.user.is_authenticated and not self.has_permission(request):
            raise PermissionDenied
        wanted = request.GET.get(REDIRECT_FIELD_NAME, "")
        is_own = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
        return redirect_to_login(wanted if is_own else reverse("admin:index"))

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """List the packages in the order of a newsroom's day, and Django's own after them.

        The first page shows the list twice, and to make it asks the database whether each single row exists already.
        """
        made: dict[str | None, list[Any]] = request.__dict__.setdefault("_app_lists", {})
        if app_label not in made:
            order = {package: place for place, package in enumerate(PACKAGES)}
            apps = super().get_app_list(request, app_label)
            made[app_label] = sorted(apps, key=lambda app: order.get(app["app_label"], len(order)))
        return made[app_label]

    def get_urls(self) -> list[Any]:
        return [path("figures/", self.admin_view(self.prepare_again), name="prepare-figures"), *super().get_urls()]

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Show the week: what needs a person first, then what is made now, then what was prepared."""
        at = timezone.now()
        prepared = list(PreparedPanel.objects.order_by("position", "pk"))
        panels = [attention_panel(request.user, at), *(make(at) for make in registry.dashboard_panels)]
        panels += preparing.shown(prepared)
        shown = [panel for panel in panels if not panel.permission or request.user.has_perm(panel.permission)]
        latest = HistoryEntry.objects.select_related("actor").order_by("-at", "-pk")[:8]
        context = {
            **(extra_context or {}),
            "panels": shown,
            "prepared_at": prepared[0].prepared_at if prepared else None,
            "latest": without_names(latest, viewer=request.user)
            if request.user.has_perm("newsroom.view_historyentry")
            else [],
            "at": at,
        }
        return super().index(request, context)

    def prepare_again(self, request: HttpRequest) -> HttpResponse:
        """Have a worker count the prepared figures again, a few times an hour at most."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if limits.allow("prepare-figures", "staff", rate="6/hour"):
            wake("newsroom.tasks.prepare_figures")
            messages.success(request, _("The figures are being counted. Open this page again in a minute."))
        else:
            messages.warning(request, _("They were counted several times within this hour. Try again later."))
        return redirect("admin:index")
