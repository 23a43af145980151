"""Actions on many rows that cannot be taken back: first a page says what will happen, and to how many people."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse

# The button's name on the page that asks.
CONFIRMED = "confirmed"
NOT_CARRIED = {"csrfmiddlewaretoken", CONFIRMED}

Action = Callable[[Any, HttpRequest, QuerySet[Any]], Any]


def asks_first(words: Callable[[QuerySet[Any]], str]) -> Callable[[Action], Action]:
    """Show `words` of the chosen rows on a page with a button, before an action is done.

    The page repeats what was posted, so that the action gets the same rows, its list's filter and its reason again.
    """

    def decorate(act: Action) -> Action:
        @wraps(act)
        def asking(model_admin: admin.ModelAdmin, request: HttpRequest, queryset: QuerySet[Any]) -> Any:
            if CONFIRMED in request.POST:
                return act(model_admin, request, queryset)
            name = request.POST.get("action", "")
            context = {
                **model_admin.admin_site.each_context(request),
                "opts": model_admin.opts,
                "title": dict(model_admin.get_action_choices(request, [])).get(name, name),
                "words": words(queryset),
                "carried": [
                    (field, value)
                    for field, values in request.POST.lists()
                    if field not in NOT_CARRIED
                    for value in values
                ],
                "confirmed": CONFIRMED,
            }
            return TemplateResponse(request, "admin/act_on_many.html", context)

        return asking

    return decorate
