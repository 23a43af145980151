"""The screens of an article's revisions: the list, the comparison, and the way back."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from newsroom.admin.steps import staff_user
from newsroom.models import Article, ArticleRevision
from newsroom.pseudonyms import without_names
from newsroom.revising import compare, restore


class RevisionScreens(admin.ModelAdmin):
    """What the article admin adds for revisions."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/revisions/", view(self.revisions_view), name="article-revisions"),
            path("<int:pk>/revisions/<int:number>/restore/", view(self.restore_view), name="article-restore"),
            *super().get_urls(),
        ]

    def revisions_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """List the revisions, and compare the two that the query names: `?older=1&newer=3`."""
        article = get_object_or_404(Article, pk=pk)
        if not self.has_view_permission(request, article):
            raise PermissionDenied
        kept = article.revisions.select_related("saved_by").defer("body").order_by("-number")
        revisions = without_names(kept, viewer=request.user)
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": _("Revisions"),
            "subtitle": str(article),
            "opts": self.opts,
            "article": article,
            "revisions": revisions,
            "may_restore": self.has_change_permission(request, article),
        }
        older, newer = (_revision(article, request.GET.get(name)) for name in ("older", "newer"))
        if older is not None and newer is not None:
            context |= {"older": older, "newer": newer, "changes": compare(older, newer)}
        return TemplateResponse(request, "admin/newsroom/article/revisions.html", context)

    def restore_view(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        # First whether this person changes articles at all, so that nobody else learns which revisions there are.
        if not self.has_change_permission(request):
            raise PermissionDenied
        revision = get_object_or_404(ArticleRevision.objects.select_related("article"), article_id=pk, number=number)
        if not self.has_change_permission(request, revision.article):
            raise PermissionDenied
        if request.method == "POST":
            restore(revision, by=staff_user(request), at=timezone.now())
            words = _("The article has the words of revision %(number)s again.") % {"number": number}
            self.message_user(request, words, messages.SUCCESS)
            return redirect("admin:newsroom_article_change", pk)
        return redirect("admin:article-revisions", pk)


def _revision(article: Article, number: str | None) -> ArticleRevision | None:
    if not number or not number.isdecimal() or len(number) > 9:
        return None
    return article.revisions.filter(number=int(number)).first()
