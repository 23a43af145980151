"""Pictures from the upload to the renditions.

An upload is decoded and encoded anew, so only its pixels survive: no EXIF, no location, no embedded script, no second
file behind the picture.
"""

import hashlib
import io
import logging
import warnings
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from PIL import Image as Pixels
from PIL import ImageOps, UnidentifiedImageError

from newsroom import site_version
from newsroom.models import Image
from newsroom.models.images import Rendition

logger = logging.getLogger(__name__)

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 50_000_000
MAX_SIDE = 2400
ACCEPTED = ("JPEG", "PNG", "WEBP")
WIDTHS = (360, 720, 1080, 1600)
# Format → the options it is encoded with. The order is the order of preference in the page.
FORMATS: dict[str, dict[str, int]] = {
    "avif": {"quality": 55, "speed": 8},
    "webp": {"quality": 76, "method": 4},
    "jpeg": {"quality": 78},
}

# Pillow's own alarm stands at a third more than what is refused here by a sentence staff understand.
Pixels.MAX_IMAGE_PIXELS = MAX_PIXELS * 4 // 3


class ImageRefused(Exception):
    """The upload is not a picture this site will carry; the first argument says why, in words for staff."""


@dataclass(frozen=True)
class CleanImage:
    """A decoded, stripped and re-encoded upload."""

    content: bytes
    sha256: str
    extension: str
    width: int
    height: int

    @property
    def name(self) -> str:
        return f"{self.sha256[:2]}/{self.sha256[:20]}.{self.extension}"


def clean_upload(file: IO[bytes]) -> CleanImage:
    """Decode the upload, turn it upright, shrink it to `MAX_SIDE`, and encode it anew in sRGB.

    Raises `ImageRefused` for what is too large, damaged, animated, or no JPEG, PNG or WebP.
    """
    data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise ImageRefused(_("The file is larger than %(limit)s MB.") % {"limit": MAX_BYTES // 1024 // 1024})
    try:
        with Pixels.open(io.BytesIO(data), formats=ACCEPTED) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise ImageRefused(_too_many_pixels())
            if getattr(picture, "n_frames", 1) > 1:
                raise ImageRefused(_("The picture is animated. Please upload a still one."))
            picture.load()
            return _encode(picture)
    except ImageRefused:
        raise
    except (Pixels.DecompressionBombError, Pixels.DecompressionBombWarning) as error:
        raise ImageRefused(_too_many_pixels()) from error
    except UnidentifiedImageError as error:
        raise ImageRefused(_("This is not a JPEG, PNG or WebP picture.")) from error
    # Damaged files make Pillow's decoders raise any of these.
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, MemoryError, OverflowError, TypeError) as error:
        raise ImageRefused(_("The picture is damaged and cannot be read.")) from error


def _too_many_pixels() -> str:
    return str(_("The picture has more than %(limit)s million pixels.") % {"limit": MAX_PIXELS // 1_000_000})


def _encode(picture: Pixels.Image) -> CleanImage:
    with warnings.catch_warnings():
        # Camera data that cannot be read says nothing about which side is up, and is dropped like all of it.
        warnings.simplefilter("ignore", UserWarning)
        upright = ImageOps.exif_transpose(picture)
    see_through = upright.has_transparency_data
    plain = upright.convert("RGBA" if see_through else "RGB")
    plain.thumbnail((MAX_SIDE, MAX_SIDE), Pixels.Resampling.LANCZOS)
    # A new image carries over nothing but the pixels.
    bare = Pixels.new(plain.mode, plain.size)
    bare.paste(plain)
    buffer = io.BytesIO()
    if see_through:
        bare.save(buffer, "PNG", optimize=True)
    else:
        bare.save(buffer, "JPEG", quality=90, optimize=True, progressive=True)
    content = buffer.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    return CleanImage(content, sha256, "png" if see_through else "jpg", width=bare.width, height=bare.height)


def store(upload: CleanImage, *, alt: str = "", caption: str = "", credit: str = "") -> Image:
    """Keep a clean upload and return its row; the same picture uploaded twice is one row, with its first words.

    The caller wakes the worker for the renditions: `wake(render_image, image.pk)`.
    """
    existing = Image.objects.filter(sha256=upload.sha256).first()
    if existing is not None:
        return existing
    image = Image(
        sha256=upload.sha256, width=upload.width, height=upload.height, alt=alt, caption=caption, credit=credit
    )
    try:
        with transaction.atomic():
            image.file.save(upload.name, ContentFile(upload.content), save=True)
    except IntegrityError:
        image.file.delete(save=False)
        existing = Image.objects.filter(sha256=upload.sha256).first()
        if existing is None:
            raise
        # Somebody uploaded the same picture between the look and the write.
        return existing
    return image


def render(pk: int, *, at: datetime) -> bool:
    """Draw every rendition of one image and note them on its row. Drawing them again gives the same files.

    Returns whether the row still waited for its renditions.
    """
    image = Image.objects.filter(pk=pk, rendered_at__isnull=True).first()
    if image is None:
        return False
    renditions: list[Rendition] = []
    stem = f"images/{image.sha256[:2]}/{image.sha256[:20]}"
    with image.file.open("rb") as file, Pixels.open(file, formats=ACCEPTED) as original:
        original.load()
        for width in widths_for(original.width):
            height = max(1, round(original.height * width / original.width))
            sized = original.resize((width, height), Pixels.Resampling.LANCZOS)
            for name, options in FORMATS.items():
                # JPEG has no transparency, and what has some needs no third choice: the original PNG is the last.
                if name == "jpeg" and sized.mode == "RGBA":
                    continue
                path = f"{stem}-{width}.{'jpg' if name == 'jpeg' else name}"
                _write(path, sized, name, options)
                renditions.append(Rendition(path=path, format=name, width=width, height=height))
    Image.objects.filter(pk=pk).update(renditions=renditions, rendered_at=at)
    site_version.pages_changed()
    return True


def widths_for(original: int) -> list[int]:
    """Return the widths worth drawing: none wider than the original, and the original where it is narrow."""
    return [width for width in WIDTHS if width < original] or [original]


def _write(path: str, picture: Pixels.Image, name: str, options: dict[str, int]) -> None:
    buffer = io.BytesIO()
    picture.save(buffer, name.upper(), **options)
    # The name carries the content's fingerprint: a file of that name from an interrupted run is replaced by its like.
    if default_storage.exists(path):
        default_storage.delete(path)
    default_storage.save(path, ContentFile(buffer.getvalue()))
