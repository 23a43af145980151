"""The article screen: the text, everything around it, and the steps of its life."""

from typing import Any, cast
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from newsroom.admin.facts import EstimatingPaginator, NamelessHistory
from newsroom.admin.languages import LanguageForm
from newsroom.admin.library import picture_tag
from newsroom.admin.prose import ProseAdmin, prose_field
from newsroom.admin.revisions import RevisionScreens
from newsroom.admin.steps import STEP_SCREENS, StepScreen, screens_for, staff_user
from newsroom.admin.unsaved import UnsavedScreens
from newsroom.models import Article, Byline, Correction, UnsavedWords
from newsroom.models.articles import NotReady, StepRefused
from newsroom.outlet import current_outlet
from newsroom.previews import preview_url
from newsroom.pseudonyms import Viewer, without_names
from newsroom.revising import WORDS, keep_revision, latest_number


class ArticleForm(LanguageForm):
    body = prose_field(label=_("Text"), has_pictures=True)
    # Words that were typed before and not saved, where the address of the form asks for them.
    unsaved: UnsavedWords | None = None
    viewer: Viewer = AnonymousUser()
    # The revision that was on the screen when somebody began to write.
    based_on = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Article
        fields = [
            "headline",
            "slug",
            "standfirst",
            "body",
            "credit_line",
            "section",
            "language",
            "tags",
            "translation_of",
            "lead_image",
            "front_page_priority",
            "newsletter_priority",
            "is_sensitive",
            "embargo_until",
        ]
        widgets = {
            "standfirst": forms.Textarea(attrs={"rows": 3}),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.initial["based_on"] = latest_number(self.instance)
        if self.unsaved is not None:
            # Based on what they were based on: where somebody saved since, saving these is a conflict and says so.
            self.initial.update({name: getattr(self.unsaved, name) for name in (*WORDS, "based_on")})

    def clean(self) -> dict[str, Any]:
        """Refuse to write over what somebody else saved meanwhile. The form keeps every word that was typed."""
        values = super().clean() or {}
        if self.instance.pk and values.get("based_on") is not None:
            # The lock holds until the admin's transaction ends, so nobody can save between this look and our save.
            Article.objects.select_for_update().only("pk").get(pk=self.instance.pk)
            newest = self.instance.revisions.select_related("saved_by").order_by("-number").first()
            if newest is not None and newest.number != values["based_on"]:
                without_names([newest], viewer=self.viewer)
                # The next attempt is based on what is stored now, so saving again replaces it knowingly.
                data = cast(QueryDict, self.data).copy()
                data[self.add_prefix("based_on")] = str(newest.number)
                self.data = data
                raise forms.ValidationError(
                    _(
                        "%(name)s saved this article while you were writing. Your words are still in this form and "
                        "theirs are kept as revision %(number)s. Compare them under “Revisions”, then save again to "
                        "put yours in their place."
                    ),
                    code="conflict",
                    params={"name": newest.saved_by or _("Somebody"), "number": newest.number},
                )
        return values


class BylineInline(admin.TabularInline):
    model = Byline
    extra = 1
    autocomplete_fields = ["author"]
    ordering = ["position", "pk"]


class CorrectionInline(admin.TabularInline):
    """Corrections are added by their own step and never changed."""

    model = Correction
    extra = 0
    fields = ["noted_at", "text"]
    readonly_fields = ["noted_at", "text"]
    ordering = ["noted_at", "pk"]
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Article)
class ArticleAdmin(RevisionScreens, UnsavedScreens, NamelessHistory, ProseAdmin):
    form = ArticleForm
    change_form_template = "admin/newsroom/article/change_form.html"
    inlines = [BylineInline, CorrectionInline]

    class Media:
        js = ["article-autosave.js"]

    list_display = ["headline", "status", "section", "names", "published_at", "updated_at"]
    list_filter = ["status", "section", "language", "is_sensitive"]
    search_fields = ["headline", "standfirst", "slug"]
    date_hierarchy = "published_at"
    ordering = ["-updated_at", "-pk"]
    list_per_page = 50
    paginator = EstimatingPaginator
    show_full_result_count = False
    prepopulated_fields = {"slug": ["headline"]}
    autocomplete_fields = ["tags", "translation_of", "lead_image"]
    readonly_fields = [
        "picture",
        "preview_link",
        "status",
        "created_at",
        "submitted_at",
        "published_at",
        "corrected_at",
        "withdrawn_at",
        "withdrawal_note",
        "updated_at",
    ]
    fieldsets = [
        (None, {"fields": ["headline", "slug", "standfirst", "body", "credit_line", "based_on"]}),
        (_("Place"), {"fields": ["section", "tags", ("language", "translation_of")]}),
        (_("Lead image"), {"fields": ["lead_image", "picture"]}),
        (
            _("Weight and care"),
            {"fields": [("front_page_priority", "newsletter_priority"), "is_sensitive", "embargo_until"]},
        ),
        (
            _("Life"),
            {
                "classes": ["collapse"],
                "fields": [
                    "status",
                    "preview_link",
                    ("created_at", "submitted_at"),
                    ("published_at", "corrected_at"),
                    ("withdrawn_at", "withdrawal_note"),
                    "updated_at",
                ],
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Article]:
        bylines = Byline.objects.select_related("author").order_by("position", "pk")
        rows = super().get_queryset(request).select_related("section", "lead_image")
        return rows.prefetch_related(Prefetch("bylines", bylines))

    def has_change_permission(self, request: HttpRequest, obj: Article | None = None) -> bool:
        """Reporters change drafts; what was submitted is the editors'."""
        may = super().has_change_permission(request, obj)
        if obj is None or obj.status == Article.Status.DRAFT:
            return may
        return may and request.user.has_perm("newsroom.edit_submitted_article")

    def has_delete_permission(self, request: HttpRequest, obj: Article | None = None) -> bool:
        """Only a draft can be deleted. What readers may have seen is withdrawn instead, and stays on record."""
        return obj is not None and obj.status == Article.Status.DRAFT and super().has_delete_permission(request, obj)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Article], search_term: str
    ) -> tuple[QuerySet[Article], bool]:
        found, has_duplicates = super().get_search_results(request, queryset, search_term)
        return found.defer("body"), has_duplicates

    def view_on_site(self, obj: Article) -> str | None:
        return obj.get_absolute_url() if obj.is_public(timezone.now()) else None

    @admin.display(description=_("by"))
    def names(self, article: Article) -> str:
        return ", ".join(byline.author.name for byline in article.bylines.all())

    @admin.display(description=_("picture"))
    def picture(self, article: Article) -> SafeString | str:
        return picture_tag(article.lead_image, css_class="preview") if article.lead_image else "–"

    def save_model(self, request: HttpRequest, obj: Article, form: Any, change: bool) -> None:
        """Store the article and keep its words; where it came without revisions, its words before this as well."""
        if change and not obj.revisions.exists():
            before = Article.objects.get(pk=obj.pk)
            keep_revision(before, by=None, at=before.updated_at)
        super().save_model(request, obj, form, change)
        keep_revision(obj, by=staff_user(request), at=timezone.now())

    @admin.display(description=_("preview for others"))
    def preview_link(self, article: Article) -> SafeString | str:
        if article.pk is None:
            return "–"
        return format_html('<a href="{0}">{0}</a>', preview_url(article))

    # The steps: buttons that save the form first, and a screen of its own for each.

    def get_urls(self) -> list[URLPattern]:
        step = self.admin_site.admin_view(self.step_view)
        return [path("<int:pk>/step/<slug:action>/", step, name="article-step"), *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        article = context.get("original")
        if article is not None:
            context["steps"] = screens_for(article, by=staff_user(request), at=timezone.now())
        return super().render_change_form(request, context, *args, **kwargs)

    def response_change(self, request: HttpRequest, obj: Article) -> HttpResponse:
        """After the form is saved, take the step whose button was pressed, or show the screen that asks for words."""
        screen = STEP_SCREENS.get(request.POST.get("_step", ""))
        if screen is None:
            return super().response_change(request, obj)
        if screen.asks:
            return redirect("admin:article-step", obj.pk, screen.action)
        self._take(request, obj, screen, {})
        return redirect("admin:newsroom_article_change", obj.pk)

    def step_view(self, request: HttpRequest, pk: int, action: str) -> HttpResponse:
        """Ask for what a step needs and take it by POST. Times are in the outlet's zone."""
        article = get_object_or_404(Article, pk=pk)
        screen = STEP_SCREENS.get(action)
        if screen is None or request.method not in ("GET", "POST"):
            raise Http404
        by, at = staff_user(request), timezone.now()
        if not by.has_perm(screen.step.permission):
            raise PermissionDenied
        back = reverse("admin:newsroom_article_change", args=[article.pk])
        if not article.may(screen.step, by=by, at=at):
            self.message_user(request, _("This step is not possible any more."), messages.WARNING)
            return HttpResponseRedirect(back)
        zone = ZoneInfo(current_outlet().time_zone)
        with timezone.override(zone):
            form = screen.form(request.POST if request.method == "POST" else None)
            if form.is_valid() and self._take(request, article, screen, form.cleaned_data):
                return HttpResponseRedirect(back)
            context = {
                **self.admin_site.each_context(request),
                "title": screen.label,
                "subtitle": str(article),
                "opts": self.opts,
                "article": article,
                "screen": screen,
                "form": form,
                "obstacles": article.obstacles() if screen.step.needs_finished_text else [],
                "zone": zone.key,
                "back": back,
            }
            return TemplateResponse(request, "admin/newsroom/article/step.html", context).render()

    def _take(self, request: HttpRequest, article: Article, screen: StepScreen, data: dict[str, Any]) -> bool:
        """Take the step and tell what came of it. A refusal leaves the article as it was."""
        try:
            screen.take(article, staff_user(request), timezone.now(), data)
        except NotReady as refusal:
            for obstacle in refusal.obstacles:
                self.message_user(request, obstacle, messages.ERROR)
            return False
        except StepRefused as refusal:
            self.message_user(request, refusal.args[0], messages.ERROR)
            return False
        self.message_user(request, screen.done, messages.SUCCESS)
        return True
