"""What becomes of a picture on its way from a phone to a page."""

from __future__ import annotations

import io
import os
import time
from typing import Any

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from builders.models import Builder, PortfolioImage, PortfolioProject
from builders.pictures import MOST_BYTES, encoded
from builders.services.builders import create_builder
from builders.services.pictures import (
    MOST_PICTURES,
    add_picture,
    change_picture,
    remove_picture,
    remove_unused_files,
)
from operations.models import ActivityEvent
from realtime.errors import ClientError
from tests.rig import make_member, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def project():
    builder = create_builder(actor=None, values={"name": "A", "portfolio": [{"name": "Stand"}]})
    return PortfolioProject.objects.get(builder=builder)


def photo(width: int = 1440, height: int = 160, kind: str = "JPEG", mode: str = "RGB", **options: Any) -> io.BytesIO:
    """Return a picture whose left half is red and whose right half is blue."""
    picture = Image.new(mode, (width, height), "red")
    picture.paste(Image.new(mode, (width // 2, height), "blue"), (width - width // 2, 0))
    out = io.BytesIO()
    picture.save(out, kind, **options)
    out.seek(0)
    return out


def exif(orientation: int) -> Image.Exif:
    data = Image.Exif()
    data[0x0112] = orientation
    data[0x010F] = "a camera"
    data.get_ifd(0x8825)[1] = "N"
    return data


def refused(file: io.BytesIO) -> ClientError:
    with pytest.raises(ClientError) as error:
        encoded(file)
    assert error.value.field == "file"
    return error.value


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_picture_is_stored_in_three_widths_as_webp(project, kind):
    image = add_picture(actor=None, project=project, file=photo(kind=kind), caption="  The   stand ")
    assert (image.width, image.height, image.caption) == (1280, 142, "The stand")
    stem = image.file.name.removesuffix("-1280.webp")
    for width in (320, 640, 1280):
        with default_storage.open(f"{stem}-{width}.webp") as file, Image.open(file) as stored:
            assert (stored.format, stored.width) == ("WEBP", width)


@pytest.mark.backend("sqlite")
def test_small_picture_is_not_made_larger():
    picture = encoded(photo(300, 200))
    assert (picture.width, picture.height, list(picture.files)) == (300, 200, [1280])
    assert list(encoded(photo(700, 100)).files) == [320, 640, 1280]


@pytest.mark.backend("sqlite")
def test_picture_stands_upright_and_forgets_where_it_was_taken():
    picture = encoded(photo(exif=exif(6), comment=b"secret", icc_profile=b"profile"))
    assert (picture.width, picture.height) == (160, 1440)
    for content in picture.files.values():
        for part in (b"EXIF", b"ICCP", b"XMP ", b"a camera", b"secret"):
            assert part not in content
    with Image.open(io.BytesIO(picture.files[1280])) as stored:
        red, _, blue = stored.convert("RGB").getpixel((80, 10))
        assert red > 200 > 100 > blue


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize("mode", ["P", "L", "LA", "RGBA", "1", "I;16"])
def test_every_kind_of_pixel_is_understood(mode):
    out = io.BytesIO()
    Image.new(mode, (400, 300)).save(out, "PNG")
    out.seek(0)
    assert encoded(out).width == 400


def test_the_same_picture_has_the_same_name(project):
    first, second = (add_picture(actor=None, project=project, file=photo()) for _ in range(2))
    assert first.file.name == second.file.name
    assert [first.position, second.position] == [0, 1]


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "invalid"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "invalid"),
        (b"<!doctype html><script>alert(1)</script>", "invalid"),
        (b"GIF89a" + bytes(40), "invalid"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "invalid"),
        (photo().getvalue()[:2000], "invalid"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "invalid"),
        (bytes(MOST_BYTES + 1), "too_large"),
    ],
)
def test_what_is_no_picture_is_refused(content, code):
    assert refused(io.BytesIO(content)).code == code


@pytest.mark.backend("sqlite")
@pytest.mark.parametrize("size", [(10_000, 6_000), (14_000, 14_000)])
def test_picture_with_too_many_pixels_is_refused_unread(size):
    out = io.BytesIO()
    Image.new("1", size).save(out, "PNG")
    out.seek(0)
    started = time.process_time()
    assert refused(out).code == "too_large"
    assert time.process_time() - started < 0.5


def test_project_shows_so_many_pictures_and_no_more(project):
    PortfolioImage.objects.bulk_create(
        [PortfolioImage(project=project, file="portfolio/x-1280.webp", width=1, height=1)] * MOST_PICTURES
    )
    with pytest.raises(ClientError) as error:
        add_picture(actor=None, project=project, file=photo(40, 40))
    assert error.value.code == "invalid"


def test_only_staff_and_the_firm_itself_change_pictures(project):
    owner, other, builder = make_member("Owner"), make_member("Other"), project.builder
    Builder.objects.filter(pk=builder.pk).update(owner=owner, claim_state="claimed")
    project.refresh_from_db()
    image = add_picture(actor=owner, project=project, file=photo(40, 40))
    add_picture(actor=make_staff(), project=project, file=photo(50, 40))
    for call in (
        lambda: add_picture(actor=other, project=project, file=photo(40, 40)),
        lambda: change_picture(actor=other, image=image, caption="mine"),
        lambda: remove_picture(actor=other, image=image),
    ):
        with pytest.raises(ClientError) as error:
            call()
        assert error.value.code == "forbidden"
    assert set(ActivityEvent.objects.values_list("kind", flat=True)) >= {"builders.picture.added"}


def test_picture_moves_the_builder_one_revision_on(project):
    image = add_picture(actor=None, project=project, file=photo(40, 40))
    change_picture(actor=None, image=image, caption="New")
    remove_picture(actor=None, image=image)
    assert Builder.objects.get().rev == 4
    with pytest.raises(ClientError) as error:
        remove_picture(actor=None, image=image)
    assert error.value.code == "not_found"


def test_files_that_nobody_shows_are_removed_after_an_hour(project, media):
    kept = add_picture(actor=None, project=project, file=photo(400, 400))
    gone = add_picture(actor=None, project=project, file=photo(500, 400))
    remove_picture(actor=None, image=gone)
    assert remove_unused_files() == "0 files removed"
    for path in (media / "portfolio").iterdir():
        os.utime(path, (time.time() - 7200,) * 2)
    assert remove_unused_files() == "2 files removed"
    assert default_storage.exists(kept.file.name)
    assert not default_storage.exists(gone.file.name)


def test_picture_is_served_as_a_picture_and_nothing_else(client, project, media):
    image = add_picture(actor=None, project=project, file=photo(400, 400))
    assert image.file.url == f"/media/{image.file.name}"
    response = client.get(image.file.url)
    assert (response.status_code, response["Content-Type"]) == (200, "image/webp")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "immutable" in response["Cache-Control"]
    assert client.post(image.file.url).status_code == 405
    (media / "private").mkdir()
    (media / "private" / "imports").write_text("secret")
    for path in (
        "/media/private/imports",
        "/media/portfolio/../private/imports",
        "/media/portfolio/..%2fprivate%2fimports",
        f"/media/portfolio/{'0' * 32}-640.webp",
        "/media/portfolio/",
        "/media/",
    ):
        assert client.get(path).status_code == 404
