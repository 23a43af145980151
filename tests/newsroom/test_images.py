import io
import struct
import zlib
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from PIL import Image as Pixels

from newsroom import images
from newsroom.models import Image
from newsroom.tasks import render_image
from newsroom.waking import wake
from tests.newsroom.factories import NOW, make_article, make_image, picture_bytes


def _clean(data: bytes) -> images.CleanImage:
    return images.clean_upload(io.BytesIO(data))


def _photo_with_location() -> bytes:
    exif = Pixels.Exif()
    exif[0x010F] = "Camera of Ana"
    exif[0x0112] = 6
    exif.get_ifd(0x8825)[1] = "N"
    exif.get_ifd(0x8825)[2] = (55.0, 40.0, 30.0)
    return picture_bytes(width=80, height=40, exif=exif, comment=b"secret note")


def test_camera_data_and_location_are_gone_and_the_picture_stands_upright() -> None:
    data = _photo_with_location()
    assert b"Camera of Ana" in data
    cleaned = _clean(data)
    assert b"Camera of Ana" not in cleaned.content
    assert b"secret note" not in cleaned.content
    with Pixels.open(io.BytesIO(cleaned.content)) as picture:
        assert not picture.getexif()
        assert picture.size == (40, 80)


def test_second_file_behind_the_picture_is_gone() -> None:
    cleaned = _clean(picture_bytes() + b"PK\x03\x04<script>alert(1)</script>")
    assert b"<script>" not in cleaned.content
    assert b"PK\x03\x04" not in cleaned.content


def _png_with(kind: bytes, data: bytes) -> bytes:
    """Return a sound PNG with one more chunk behind its header."""
    whole = picture_bytes(kind="PNG")
    chunk = struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return whole[:33] + chunk + whole[33:]


SCRIPT = b"<script>alert(1)</script>"
POLYGLOTS = {
    "png text": _png_with(b"tEXt", b"Comment\x00" + SCRIPT),
    "png xmp": _png_with(b"iTXt", b"XML:com.adobe.xmp\x00\x00\x00\x00\x00" + SCRIPT),
    "png private": _png_with(b"prVt", SCRIPT),
    "jpeg comment": picture_bytes(comment=SCRIPT + b"*/=alert(1)/*"),
    "jpeg xmp": picture_bytes(xmp=SCRIPT),
    "jpeg profile": picture_bytes(icc_profile=SCRIPT * 20),
    "webp exif": picture_bytes(kind="WEBP", exif=b"Exif\x00\x00II*\x00" + SCRIPT),
    "webp xmp": picture_bytes(kind="WEBP", xmp=SCRIPT),
    "html behind": picture_bytes(kind="WEBP") + b"<html>" + SCRIPT,
    "php behind": picture_bytes(kind="PNG") + b"<?php system($_GET[0]); ?>" + SCRIPT,
}


@pytest.mark.parametrize("name", POLYGLOTS)
def test_picture_that_is_something_else_too_keeps_its_pixels_alone(name: str) -> None:
    assert SCRIPT in POLYGLOTS[name]
    try:
        cleaned = _clean(POLYGLOTS[name])
    except images.ImageRefused as refusal:
        assert "damaged" in str(refusal.args[0])
        return
    assert b"script" not in cleaned.content
    assert b"<?php" not in cleaned.content
    with Pixels.open(io.BytesIO(cleaned.content)) as picture:
        assert picture.size == (60, 40)
        assert not set(picture.info) & {"exif", "xmp", "icc_profile", "comment", "Comment", "XML:com.adobe.xmp"}


def test_large_picture_is_shrunk_and_transparency_is_kept() -> None:
    with Pixels.open(io.BytesIO(_clean(picture_bytes(width=5000, height=2500)).content)) as picture:
        assert picture.size == (2400, 1200)
    cleaned = _clean(picture_bytes(colour=(1, 2, 3, 0), kind="PNG"))
    assert cleaned.extension == "png"


def _png_bomb() -> bytes:
    """A PNG of a few hundred bytes that claims 60,000 × 60,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\x00" * 999))
        + chunk(b"IEND", b"")
    )


def _animation() -> bytes:
    buffer = io.BytesIO()
    frames = [Pixels.new("RGB", (20, 20), colour) for colour in ("red", "blue")]
    frames[0].save(buffer, "WEBP", save_all=True, append_images=frames[1:])
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not a JPEG, PNG or WebP"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>', "not a JPEG, PNG or WebP"),
        (b"GIF89a" + b"\x00" * 40, "not a JPEG, PNG or WebP"),
        (b"%PDF-1.7", "not a JPEG, PNG or WebP"),
        (picture_bytes(width=300, height=300, quality=95)[:400], "damaged"),
        (_png_bomb(), "more than 50 million pixels"),
        (_animation(), "animated"),
        (_png_with(b"zTXt", b"a\x00\x00" + zlib.compress(b"\x00" * 80_000_000)), "damaged"),
        (b"<script>1</script>" + picture_bytes(), "not a JPEG, PNG or WebP"),
        (picture_bytes(kind="TIFF"), "not a JPEG, PNG or WebP"),
        (b"\xff\xd8\xff" + b"x" * images.MAX_BYTES, "larger than 20 MB"),
    ],
    ids=["empty", "svg", "gif", "pdf", "truncated", "bomb", "animated", "text bomb", "script before", "tiff", "large"],
)
def test_what_is_no_sound_picture_is_refused_in_clear_words(data: bytes, words: str) -> None:
    with pytest.raises(images.ImageRefused) as refusal:
        _clean(data)
    assert words in str(refusal.value.args[0])


@hypothesis_settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP"]),
    st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=8)), max_size=6),
)
def test_damaged_upload_is_refused_or_comes_out_as_pixels_alone(kind: str, wounds: list[tuple[int, bytes]]) -> None:
    data = bytearray(picture_bytes(kind=kind))
    for place, wound in wounds:
        data[place : place + len(wound)] = wound
    try:
        cleaned = _clean(bytes(data))
    except images.ImageRefused:
        return
    with Pixels.open(io.BytesIO(cleaned.content), formats=("JPEG", "PNG")) as picture:
        picture.load()
        assert not picture.getexif()


@pytest.mark.django_db
def test_same_picture_uploaded_twice_is_one_row() -> None:
    upload = _clean(picture_bytes())
    first = images.store(upload, alt="First words")
    second = images.store(upload, alt="Second words")
    assert first == second
    assert second.alt == "First words"
    assert Image.objects.count() == 1


@pytest.mark.django_db
def test_worker_draws_every_size_and_format_once() -> None:
    image = make_image(width=1000, height=500)
    assert images.render(image.pk, at=NOW)
    assert not images.render(image.pk, at=NOW + timedelta(minutes=1))
    image.refresh_from_db()
    assert image.rendered_at == NOW
    sizes = {(one["format"], one["width"], one["height"]) for one in image.renditions}
    assert sizes == {(kind, width, width // 2) for kind in ("avif", "webp", "jpeg") for width in (360, 720)}
    for one in image.renditions:
        with image.file.storage.open(one["path"]) as file, Pixels.open(file) as picture:
            assert picture.size == (one["width"], one["height"])


@pytest.mark.django_db
def test_interrupted_drawing_is_done_again_without_second_copies() -> None:
    image = make_image(width=400, height=400)
    images.render(image.pk, at=NOW)
    folder = Path(image.file.path).parent
    before = sorted(path.name for path in folder.iterdir())
    Image.objects.update(rendered_at=None)
    images.render(image.pk, at=NOW)
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.django_db(transaction=True)
def test_page_shows_the_original_until_the_queue_has_drawn_the_renditions(client: Client, run_queue: Any) -> None:
    image = make_image(width=800, height=600)
    make_article(slug="pictured", lead_image=image)
    page = client.get("/articles/pictured/").content.decode()
    assert f'src="{image.file.url}"' in page
    assert 'width="800" height="600"' in page
    assert "<source" not in page
    wake(render_image, image.pk)
    assert run_queue() == 1
    page = client.get("/articles/pictured/").content.decode()
    assert '<source type="image/avif" srcset="/media/images/' in page
    assert '<source type="image/webp"' in page
    assert "720w" in page
    assert "-1080." not in page


def test_cropped_picture_keeps_its_focal_point(client: Client, db: None) -> None:
    image = make_image()
    Image.objects.filter(pk=image.pk).update(focal_x=22, focal_y=91)
    make_article(lead_image=image, published_at=NOW)
    assert '<img class="fx2 fy9"' in client.get("/").content.decode()

    style = (Path(__file__).resolve().parents[2] / "static" / "newsroom.css").read_text()
    assert "object-position: var(--fx, 50%) var(--fy, 50%)" in style
    # The middle is where a picture stands without a class.
    for step in {*range(11)} - {5}:
        assert f".fx{step} {{ --fx: {step * 10}%; }}" in style
        assert f".fy{step} {{ --fy: {step * 10}%; }}" in style
