"""Pictures: uploaded once, stripped of everything but their pixels, and drawn in several sizes by the worker."""

from typing import TypedDict

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from newsroom.models.shown import ShownOnPages
from newsroom.personal_data import PersonalData


class Rendition(TypedDict):
    """One drawn size of an image; `path` is the name in the media storage."""

    path: str
    format: str
    width: int
    height: int


class ImageQuerySet(models.QuerySet["Image"]):
    def unrendered(self) -> "ImageQuerySet":
        return self.filter(rendered_at__isnull=True)


class Image(ShownOnPages):
    """A photograph or drawing, with the words that belong to it.

    `file` holds the decoded and re-encoded original, without EXIF, location or any other data of the camera. Pages use
    it as it is until the worker has drawn the renditions.
    """

    file = models.ImageField(_("file"), upload_to="images/", max_length=200)
    sha256 = models.CharField(_("fingerprint"), max_length=64, unique=True, editable=False)
    width = models.PositiveIntegerField(_("width"), editable=False)
    height = models.PositiveIntegerField(_("height"), editable=False)
    alt = models.CharField(
        _("description for those who cannot see it"),
        max_length=300,
        blank=True,
        help_text=_("Needed before an article with this image can be published."),
    )
    caption = models.CharField(_("caption"), max_length=500, blank=True)
    credit = models.CharField(
        _("credit"), max_length=200, blank=True, help_text=_("Photographer and agency, as readers see it.")
    )
    focal_x = models.PositiveSmallIntegerField(
        _("focal point from the left, per cent"),
        default=50,
        help_text=_("What must stay visible when the image is cropped."),
    )
    focal_y = models.PositiveSmallIntegerField(_("focal point from the top, per cent"), default=50)
    renditions = models.JSONField(_("renditions"), default=list, editable=False)
    rendered_at = models.DateTimeField(_("renditions made at"), null=True, editable=False)
    uploaded_at = models.DateTimeField(_("uploaded at"), default=timezone.now, editable=False)

    personal_data = PersonalData(
        not_personal={
            "file sha256 alt caption credit renditions": "A published picture; what cameras write into it is stripped.",
        },
    )

    objects = ImageQuerySet.as_manager()

    class Meta:
        verbose_name = _("image")
        verbose_name_plural = _("images")
        indexes = [models.Index(fields=["-uploaded_at", "-id"], name="image_newest_first")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(focal_x__range=(0, 100), focal_y__range=(0, 100)),
                name="image_focal_point_is_inside",
            ),
            models.CheckConstraint(condition=models.Q(width__gt=0, height__gt=0), name="image_has_dimensions"),
            models.CheckConstraint(condition=models.Q(sha256__regex=r"^[0-9a-f]{64}$"), name="image_has_a_fingerprint"),
        ]

    def __str__(self) -> str:
        return self.alt or self.caption or str(self.file)

    def sources(self) -> dict[str, list[Rendition]]:
        """Group the renditions by format, each group from narrow to wide."""
        groups: dict[str, list[Rendition]] = {}
        for rendition in sorted(self.renditions, key=lambda one: one["width"]):
            groups.setdefault(rendition["format"], []).append(rendition)
        return groups
