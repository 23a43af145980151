"""Every address and every action of the staff's site, and which role may use it: asked by real requests.

`docs/roles.md` is the one table of what was decided. `WRITE_ROLES=1 pytest tests/staff/test_rights.py` writes what is
the case now into it, to be read line by line before it is committed.
"""

import re
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allauth.account.internal.flows.login import record_authentication
from allauth.core.context import request_context
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, Group, User
from django.contrib.messages.storage import default_storage
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, resolve

from newsroom.admin.people import STEPS as STAFF_STEPS
from newsroom.admin.steps import STEP_SCREENS as ARTICLE_STEPS
from newsroom.roles import ROLES
from subscriptions.admin.issue_steps import STEPS as ISSUE_STEPS

DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs" / "roles.md"
START = "admin/"
# Addresses that stand for several things, each with a permission of its own.
SPREAD: dict[str, list[str]] = {
    "admin/newsroom/staffmember/<int:pk>/step/<slug:step>/": list(STAFF_STEPS),
    "admin/newsroom/article/<int:pk>/step/<slug:action>/": list(ARTICLE_STEPS),
    "admin/subscriptions/issue/<int:pk>/step/<slug:name>/": list(ISSUE_STEPS),
}
VALUES = {
    "source": "article",
    "number": "1",
    "token": "x",
    "content_type_id": "1",
    "path": "x",
    "app_label": "newsroom",
}
# What lies under these belongs to each person alone, or to whoever is about to log in; it has tests of its own.
OWN = ("admin/account/", "admin/login/", "admin/logout/", "admin/password_change/", "admin/jsi18n/")
# Django leads from the address of any object to its public page, and catches what is no address at all.
LEFT_OUT = ("admin/r/<path:content_type_id>/<path:object_id>/", "admin/(?P<url>.*)$")
# How Django writes the list of one app's models.
APPS = re.compile(r"\^\(\?P<app_label>[^)]*\)/\$")
# Pages that Django itself writes, whose POST asks for what their GET asks for, or is an action and has its own row.
ONE_ROW = ("_changelist", "_history", "_add", "_delete", "autocomplete", "index", "app_list")


@dataclass(frozen=True, order=True)
class Row:
    """One line of the table: an address by its route, or an action of a list; how it is asked, and with what."""

    what: str
    method: str
    path: str
    action: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.what, self.method


def rows() -> list[Row]:
    """Return a row for each address of the staff's site by GET and by POST, and one for each action of each list."""
    found = [row for route, pattern in _routes() for row in _rows_of(route, pattern)]
    return sorted([*(row for row in found if not row.what.startswith(OWN)), *_actions()])


def _routes() -> Iterator[tuple[str, URLPattern]]:
    def walk(prefix: str, patterns: Any) -> Iterator[tuple[str, URLPattern]]:
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(route, pattern.url_patterns)
            elif route.startswith(START) and route not in LEFT_OUT and pattern.name is not None:
                yield route, pattern

    seen = set()
    for route, pattern in walk("", get_resolver().url_patterns):
        if route not in seen:
            seen.add(route)
            yield route, pattern


def _rows_of(route: str, pattern: URLPattern) -> Iterator[Row]:
    for choice in SPREAD.get(route, [""]):
        path = "/" + _filled(route, choice)
        what = re.sub(r"<slug:\w+>", choice, route) if choice else APPS.sub("<app>/", route)
        yield Row(what, "GET", path)
        if not str(pattern.name).endswith(ONE_ROW):
            yield Row(what, "POST", path)


def _filled(route: str, choice: str) -> str:
    model = _model_of(route)

    def value(found: re.Match[str]) -> str:
        name = found["name"]
        if found["kind"] == "slug" and choice:
            return choice
        if name in VALUES:
            return VALUES[name]
        row = model._default_manager.order_by("pk").first() if model is not None else None
        return "0" if row is None else str(row.pk)

    route = APPS.sub("newsroom/", route)
    return re.sub(r"<(?:(?P<kind>\w+):)?(?P<name>\w+)>", value, route)


def _model_of(route: str) -> Any:
    names = route.removeprefix(START).split("/")[:2]
    return next((m for m in admin.site._registry if [m._meta.app_label, m._meta.model_name] == names), None)


def _actions() -> Iterator[Row]:
    everything = User(is_superuser=True, is_active=True, is_staff=True)
    for model, model_admin in admin.site._registry.items():
        request: Any = type("Request", (), {"user": everything, "GET": {}, "method": "GET"})()
        for name in model_admin.get_actions(request):
            path = f"admin/{model._meta.app_label}/{model._meta.model_name}/"
            yield Row(f"{path} [{name}]", "POST", f"/{path}", action=name)


class Asker:
    """Somebody with one role, or nobody, who asks the views behind the addresses.

    The person is loaded once and not anew for each of the many requests; what the middleware does is tested by itself.
    """

    def __init__(self, role: str | None) -> None:
        self.user: Any = AnonymousUser()
        if role is not None:
            self.user = User.objects.create_user(f"only {role}", is_staff=True)
            self.user.groups.set([Group.objects.get(name=role)])

    def may(self, row: Row) -> bool:
        """Ask for one row, take back whatever it changed, and say whether it was allowed.

        What is not there, or is refused because a form was not filled in, was allowed; a method that a page does not
        know was not.
        """
        data = {"action": row.action, "_selected_action": ["0"], "index": "0"} if row.action else {}
        request: Any = RequestFactory().generic(row.method, row.path)
        if row.method == "POST":
            request = RequestFactory().post(row.path, data)
        status, to = self._answer(request)
        if status in {403, 405} or to.startswith(("/admin/login/", "/admin/account/login/")):
            return False
        model_admin = admin.site._registry.get(_model_of(row.what))
        if row.action and model_admin is not None:
            # A list from which somebody may take no action at all is shown again, as if nothing had been asked.
            return row.action in model_admin.get_actions(request)
        if to == "/admin/" and row.what.endswith("/history/") and model_admin is not None:
            # The history of a row that is not there: Django looks for the row before it looks at the person.
            return bool(model_admin.has_view_or_change_permission(request))
        return True

    def _answer(self, request: Any) -> tuple[int, str]:
        match = resolve(request.path)
        request.user, request.resolver_match = self.user, match
        request.session = SessionStore()
        request._messages = default_storage(request)
        request._dont_enforce_csrf_checks, request.csp_nonce = True, ""
        if self.user.is_authenticated:
            record_authentication(request, self.user, "password")
        # A GET changes nothing, so there is nothing to take back.
        with transaction.atomic() if request.method == "POST" else nullcontext(), request_context(request):
            try:
                response: Any = match.func(request, *match.args, **match.kwargs)
                answer = response.status_code, response.headers.get("Location", "")
            except PermissionDenied:
                answer = 403, ""
            except Http404:
                answer = 404, ""
            if request.method == "POST":
                transaction.set_rollback(True)
        return answer


def observed() -> dict[tuple[str, str], dict[str, bool]]:
    """Return for each row whether each role may, by asking. Nobody may do anything without being logged in."""
    asked = rows()
    table: dict[tuple[str, str], dict[str, bool]] = {row.key: {} for row in asked}
    for role in ROLES:
        asker = Asker(role)
        for row in asked:
            table[row.key][role] = asker.may(row)
    nobody = Asker(None)
    for row in asked:
        assert not nobody.may(row), f"{row.method} {row.what} is open to everyone"
    return table


def declared() -> dict[tuple[str, str], dict[str, bool]]:
    """Read the table of docs/roles.md."""
    table = {}
    for line in DOCUMENT.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("| `"):
            marks = dict(zip(ROLES, (cell == "yes" for cell in cells[2:]), strict=True))
            table[cells[0].strip("`").replace("&#124;", "|"), cells[1]] = marks
    return table


def written(table: dict[tuple[str, str], dict[str, bool]]) -> str:
    """Return the table as lines of Markdown."""
    lines = [f"| address or [action] | method | {' | '.join(ROLES)} |", "| --- | --- |" + " --- |" * len(ROLES)]
    for (what, method), marks in sorted(table.items()):
        cells = ["yes" if marks[role] else "" for role in ROLES]
        lines.append(f"| `{what.replace('|', '&#124;')}` | {method} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"
