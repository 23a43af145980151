"""The unsaved words of an article's form: kept while somebody types, offered back, compared and discarded."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache

from newsroom import sanitising, unsaved
from newsroom.admin.steps import staff_user
from newsroom.models import Article, UnsavedWords
from newsroom.revising import WORDS, compare


class UnsavedScreens(admin.ModelAdmin):
    """What the article admin adds so that no typed word is lost."""

    def get_urls(self) -> list[URLPattern]:
        def view(function: Any) -> Any:
            return self.admin_site.admin_view(never_cache(function))

        places = [("unsaved/", ""), ("<int:pk>/unsaved/", "-of")]
        return [
            *(path(f"{place}keep/", view(self.keep_view), name=f"article-keep{end}") for place, end in places),
            *(path(f"{place}discard/", view(self.discard_view), name=f"article-discard{end}") for place, end in places),
            *(path(place, view(self.unsaved_view), name=f"article-unsaved{end}") for place, end in places),
            path("still-here/", view(self.still_here_view), name="article-still-here"),
            path("tidy/", view(self.tidy_view), name="article-tidy"),
            *super().get_urls(),
        ]

    def keep_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """Keep what was typed, for the script of the form. The answer says when, in the newsroom's time."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        article = self._article(pk)
        if not self._may_write(request, article):
            return JsonResponse({"refused": str(_("You may not change this article any more."))}, status=403)
        row = self.keep_typed(request, article)
        return JsonResponse({"at": date_format(timezone.localtime(row.typed_at), "TIME_FORMAT")})

    def keep_typed(self, request: HttpRequest, article: Article | None) -> UnsavedWords:
        number = request.POST.get("based_on", "")
        return unsaved.keep(
            article,
            by=staff_user(request),
            words=_typed(request.POST),
            based_on=int(number) if number.isdecimal() and len(number) < 9 else 0,
            at=timezone.now(),
        )

    def discard_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        if request.method == "POST":
            unsaved.discard(self._article(pk), by=staff_user(request))
            self.message_user(request, _("The unsaved words are discarded."), messages.SUCCESS)
        return redirect("admin:newsroom_article_change", pk) if pk else redirect("admin:newsroom_article_add")

    def unsaved_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """Show how the unsaved words differ from the stored ones, also to who may not save them any more."""
        article = self._article(pk)
        words = unsaved.offered(article, to=staff_user(request))
        form = reverse("admin:newsroom_article_change", args=[pk]) if pk else reverse("admin:newsroom_article_add")
        if words is None:
            return redirect(form)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Your unsaved words"),
            "subtitle": str(article or ""),
            "opts": self.opts,
            "article": article,
            "unsaved": words,
            "changes": compare(article or Article(), words),
            "may_restore": self._may_write(request, article),
            "form": form,
            "discard": _address("discard", article),
        }
        return TemplateResponse(request, "admin/newsroom/article/unsaved.html", context)

    def still_here_view(self, request: HttpRequest) -> HttpResponse:
        """Answer who is still logged in, with a token for the form: logging in again elsewhere voids the old one."""
        return JsonResponse({"token": get_token(request)})

    def tidy_view(self, request: HttpRequest) -> HttpResponse:
        """Return pasted HTML as it would be stored, so that the editor shows what will be."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_change_permission(request) and not self.has_add_permission(request):
            raise PermissionDenied
        return JsonResponse({"html": sanitising.clean(request.POST.get("html", ""))})

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        """Tell the form who looks at it, and fill it with the unsaved words where the address asks for them."""
        form = super().get_form(request, obj, change=change, **kwargs)
        wanted = request.method == "GET" and "unsaved" in request.GET
        words = unsaved.offered(obj, to=staff_user(request)) if wanted else None
        return type(form.__name__, (form,), {"unsaved": words, "viewer": request.user})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        article = context.get("original")
        context["still_here"] = reverse("admin:article-still-here")
        context["keep_unsaved"] = _address("keep", article)
        if request.method == "GET":
            context["unsaved"] = unsaved.offered(article, to=staff_user(request))
            context["is_restored"] = "unsaved" in request.GET
            context["unsaved_address"] = _address("unsaved", article)
            if context["is_restored"]:
                # Saved words are no longer asked for by the address.
                kwargs["form_url"] = request.path
            context["discard_unsaved"] = _address("discard", article)
        elif self._may_write(request, article):
            # A save that was refused comes back as a form; whoever closes that page finds the words again.
            self.keep_typed(request, article)
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Article, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        unsaved.discard(obj if change else None, by=staff_user(request))

    def _article(self, pk: int | None) -> Article | None:
        return None if pk is None else get_object_or_404(Article, pk=pk)

    def _may_write(self, request: HttpRequest, article: Article | None) -> bool:
        return self.has_add_permission(request) if article is None else self.has_change_permission(request, article)


def _typed(data: Mapping[str, str]) -> dict[str, str]:
    return {name: data.get(name, "") for name in WORDS}


def _address(name: str, article: Article | None) -> str:
    return reverse(f"admin:article-{name}-of", args=[article.pk]) if article else reverse(f"admin:article-{name}")
