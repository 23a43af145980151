"""The staff's site: Django's admin, with the newsroom's dashboard and its own content security policy."""

from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _

from newsroom import registry
from newsroom.apps import PACKAGES
from newsroom.models import HistoryEntry


class StaffSite(admin.AdminSite):
    """Django's AdminSite under the staff policy: scripts of our own only, nothing inline, no foreign request."""

    site_header = _("Newsroom")
    site_title = _("Newsroom")
    index_title = _("This week in numbers")
    index_template = "admin/dashboard.html"

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        return csp_replace(settings.STAFF_CONTENT_SECURITY_POLICY)(super().admin_view(view, cacheable))

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

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        at = timezone.now()
        panels = [make(at) for make in registry.dashboard_panels]
        shown = [panel for panel in panels if not panel.permission or request.user.has_perm(panel.permission)]
        latest = HistoryEntry.objects.select_related("actor").order_by("-at", "-pk")[:8]
        return super().index(request, {**(extra_context or {}), "panels": shown, "latest": latest, "at": at})
