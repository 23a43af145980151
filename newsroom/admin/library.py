"""The image library as the editor asks it: newest pictures, a search, an upload, and a small version to look at."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from newsroom import images
from newsroom.models import Image
from newsroom.tasks import render_image
from newsroom.waking import wake

SHOWN = 18


class ImageForm(forms.ModelForm):
    upload = forms.FileField(
        label=_("file"),
        help_text=_("JPEG, PNG or WebP. Camera data and location are removed."),
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )

    class Meta:
        model = Image
        fields = ["alt", "caption", "credit", "focal_x", "focal_y"]

    def clean_upload(self) -> images.CleanImage:
        try:
            return images.clean_upload(self.cleaned_data["upload"])
        except images.ImageRefused as refusal:
            raise forms.ValidationError(refusal.args[0], code="refused") from refusal


def store_upload(form: ImageForm) -> tuple[Image, bool]:
    """Keep the upload of a valid form, and say whether the picture is new. One that was here keeps its words."""
    values = form.cleaned_data
    words = {name: values[name] for name in ("alt", "caption", "credit")}
    upload: images.CleanImage = values["upload"]
    was_here = Image.objects.filter(sha256=upload.sha256).exists()
    image = images.store(upload, **words)
    if not was_here:
        image.focal_x, image.focal_y = values["focal_x"], values["focal_y"]
    return image, not was_here


class ImageLibrary(admin.ModelAdmin):
    """What the image admin adds for the editor of articles."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("library/", view(self.library_view), name="image-library"),
            path("<int:pk>/small/", view(self.small_view), name="image-small"),
            *super().get_urls(),
        ]

    def library_view(self, request: HttpRequest) -> HttpResponse:
        """Find pictures by `?q=`, the newest first; a POST uploads one and answers with it, or with what is wrong."""
        if request.method == "POST":
            return self._upload(request)
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = Image.objects.order_by("-uploaded_at", "-pk")
        for word in request.GET.get("q", "").replace("\x00", "").split()[:8]:
            found = found.filter(Q(alt__icontains=word) | Q(caption__icontains=word) | Q(credit__icontains=word))
        return JsonResponse({"images": [_facts(image) for image in found[:SHOWN]]})

    def _upload(self, request: HttpRequest) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        data = request.POST.copy()
        for name in ("focal_x", "focal_y"):
            data.setdefault(name, "50")
        form = ImageForm(data, request.FILES)
        if not form.is_valid():
            return JsonResponse({"errors": [error for errors in form.errors.values() for error in errors]}, status=400)
        image, is_new = store_upload(form)
        if is_new:
            image.save()
            wake(render_image, image.pk)
        return JsonResponse({"image": _facts(image)}, status=201 if is_new else 200)

    def small_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Lead to the picture in the size the editor shows."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return redirect(_small(get_object_or_404(Image, pk=pk)))


def _facts(image: Image) -> dict[str, Any]:
    return {
        "id": image.pk,
        "alt": image.alt,
        "caption": image.caption,
        "credit": image.credit,
        "small": reverse("admin:image-small", args=[image.pk]),
    }


def _small(image: Image) -> str:
    jpegs = image.sources().get("jpeg", [])
    return image.file.storage.url(jpegs[0]["path"]) if jpegs else image.file.url


def picture_tag(image: Image, *, css_class: str) -> SafeString:
    """Show an image in the admin, small where there are renditions."""
    return format_html('<img class="{}" src="{}" alt="{}" loading="lazy">', css_class, _small(image), image.alt)
