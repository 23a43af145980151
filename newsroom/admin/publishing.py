"""Sections, tags, authors, images and standing pages, as staff see them."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from newsroom.admin.facts import EstimatingPaginator, NamelessHistory
from newsroom.admin.languages import LanguageForm
from newsroom.admin.library import ImageForm, ImageLibrary, picture_tag, store_upload
from newsroom.admin.prose import ProseAdmin, prose_field
from newsroom.admin.shown import ShownAdmin
from newsroom.models import Author, FormerAddress, Image, Page, Section, Tag
from newsroom.pseudonyms import may_know
from newsroom.tasks import render_image
from newsroom.waking import wake


class SectionForm(LanguageForm):
    class Meta:
        model = Section
        fields = ["name", "slug", "kind", "language", "description", "position", "is_in_menu"]


@admin.register(Section)
class SectionAdmin(ShownAdmin):
    form = SectionForm
    list_display = ["name", "kind", "language", "position", "is_in_menu"]
    list_editable = ["position", "is_in_menu"]
    list_filter = ["language", "kind"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    ordering = ["language", "position", "pk"]


@admin.register(Tag)
class TagAdmin(ShownAdmin):
    list_display = ["name", "slug"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    ordering = ["name", "pk"]
    paginator = EstimatingPaginator
    show_full_result_count = False


@admin.register(Author)
class AuthorAdmin(ShownAdmin, NamelessHistory):
    """Authors, without the account behind a pseudonym for those who may not know it."""

    list_display = ["name", "role", "is_pseudonymous"]
    list_filter = ["is_pseudonymous"]
    search_fields = ["name"]
    prepopulated_fields = {"slug": ["name"]}
    autocomplete_fields = ["portrait"]
    ordering = ["name", "pk"]

    def _is_hidden_from(self, request: HttpRequest, author: Author | None) -> bool:
        return author is not None and author.is_pseudonymous and not may_know(request.user)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        # A list that can be asked for one account's authors tells who they are.
        if lookup.startswith("staff_user") and (request is None or not may_know(request.user)):
            return False
        return super().lookup_allowed(lookup, value, request)  # type: ignore[arg-type]

    def get_exclude(self, request: HttpRequest, obj: Author | None = None) -> list[str]:
        return ["staff_user"] if self._is_hidden_from(request, obj) else []

    def get_readonly_fields(self, request: HttpRequest, obj: Author | None = None) -> list[str]:
        # Whoever could take the mark away would see the account on the next page.
        return ["is_pseudonymous"] if self._is_hidden_from(request, obj) else []


@admin.register(Image)
class ImageAdmin(ShownAdmin, ImageLibrary):
    list_display = ["thumbnail", "alt", "credit", "size", "uploaded_at"]
    list_display_links = ["thumbnail", "alt"]
    search_fields = ["alt", "caption", "credit"]
    ordering = ["-uploaded_at", "-pk"]
    list_per_page = 40
    paginator = EstimatingPaginator
    show_full_result_count = False

    def get_form(self, request: HttpRequest, obj: Image | None = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = ImageForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Image | None = None) -> list[Any]:
        words = ["alt", "caption", "credit", "focal_x", "focal_y"]
        return ["upload", *words] if obj is None else ["preview", *words, "size", "uploaded_at", "rendered_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Image | None = None) -> list[str]:
        return [] if obj is None else ["preview", "size", "uploaded_at", "rendered_at"]

    def save_form(self, request: HttpRequest, form: Any, change: bool) -> Image:
        unsaved = super().save_form(request, form, change)
        if change:
            return unsaved
        image, is_new = store_upload(form)
        if not is_new:
            self.message_user(request, _("This picture was here already; its words are kept."), messages.WARNING)
        return image

    def save_model(self, request: HttpRequest, obj: Image, form: Any, change: bool) -> None:
        obj.save()
        if not change:
            wake(render_image, obj.pk)

    def has_delete_permission(self, request: HttpRequest, obj: Image | None = None) -> bool:
        # A picture that stands on a page goes with no click; PROTECT would refuse it with a less clear page.
        used = obj is not None and (obj.leads.exists() or obj.portrays.exists() or obj.placed.exists())
        return not used and super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {}

    @admin.display(description=_("picture"))
    def thumbnail(self, image: Image) -> SafeString:
        return picture_tag(image, css_class="thumbnail")

    @admin.display(description=_("picture"))
    def preview(self, image: Image) -> SafeString:
        return picture_tag(image, css_class="preview")

    @admin.display(description=_("size"))
    def size(self, image: Image) -> str:
        return f"{image.width} × {image.height}"


class PageForm(LanguageForm):
    body = prose_field(label=_("Text"))

    class Meta:
        model = Page
        fields = ["title", "slug", "language", "description", "body", "is_published"]
        fields += ["is_in_menu", "is_in_footer", "position"]

    def clean_slug(self) -> str:
        """Refuse an address that already belongs to another page of the site."""
        slug = self.cleaned_data["slug"]
        if is_taken(slug):
            raise forms.ValidationError(_("This address belongs to another part of the site."), code="taken")
        return slug


def is_taken(slug: str) -> bool:
    """Tell whether `/<slug>/` is answered by something other than a standing page."""
    try:
        return resolve(f"/{slug}/").url_name != "page"
    except Resolver404:
        return False


@admin.register(Page)
class PageAdmin(ShownAdmin, ProseAdmin):
    form = PageForm
    list_display = ["title", "slug", "language", "is_published", "is_in_menu", "is_in_footer", "position"]
    list_editable = ["is_in_menu", "is_in_footer", "position"]
    list_filter = ["language", "is_published"]
    search_fields = ["title"]
    prepopulated_fields = {"slug": ["title"]}
    ordering = ["language", "position", "pk"]

    def save_model(self, request: HttpRequest, obj: Page, form: Any, change: bool) -> None:
        obj.updated_at = timezone.now()
        super().save_model(request, obj, form, change)


@admin.register(FormerAddress)
class FormerAddressAdmin(admin.ModelAdmin):
    list_display = ["path", "article", "created_at"]
    list_select_related = ["article"]
    search_fields = ["=path"]
    autocomplete_fields = ["article"]
    readonly_fields = ["created_at"]
    ordering = ["-created_at", "-pk"]
    paginator = EstimatingPaginator
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[FormerAddress]:
        return super().get_queryset(request).defer("article__body")
