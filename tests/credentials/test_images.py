"""An uploaded picture becomes the files of a pass, or is refused before it can do harm."""

from __future__ import annotations

import io
import struct
import time
import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from credentials.errors import Invalid
from credentials.images import default_icon, renditions
from tests.credentials.pictures import chunked_png, grey_rows, jpeg, pixels, png

# A hundred megabytes in a hundred kilobytes.
NOTHING = zlib.compress(b"\0" * 100_000_000)


def peak_memory(call: Callable[[], object]) -> int:
    """How many bytes Python held at most while `call` ran."""
    tracemalloc.start()
    try:
        call()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def sizes(upload: bytes, *, role: str, style: str) -> dict[int, tuple[int, int]]:
    """Width and height of every rendition, by scale."""
    return {scale: pixels(file).size for scale, file in renditions(upload, role=role, style=style).items()}


def refusal(upload: bytes, *, role: str = "icon", style: str = "generic") -> str:
    """The sentence with which `upload` is refused, for its role."""
    with pytest.raises(Invalid) as refused:
        renditions(upload, role=role, style=style)
    assert refused.value.field == role
    return refused.value.sentence


@pytest.mark.parametrize(
    ("role", "style", "points"),
    [
        ("icon", "generic", (29, 29)),
        ("logo", "generic", (50, 50)),  # the height of its place decides
        ("thumbnail", "generic", (90, 90)),
        ("strip", "storeCard", (375, 144)),
        ("strip", "coupon", (375, 144)),
        ("strip", "eventTicket", (375, 98)),
        ("background", "eventTicket", (180, 220)),
        ("footer", "boardingPass", (15, 15)),
    ],
)
def test_a_large_picture_gives_every_scale(role: str, style: str, points: tuple[int, int]) -> None:
    width, height = points
    expected = {scale: (width * scale, height * scale) for scale in (1, 2, 3)}
    assert sizes(png(1200, 1200), role=role, style=style) == expected
    assert sizes(jpeg(1200, 1200), role=role, style=style) == expected


def test_the_proportions_stay() -> None:
    assert sizes(png(960, 120), role="logo", style="generic") == {1: (160, 20), 2: (320, 40), 3: (480, 60)}


def test_a_scale_for_which_the_picture_is_too_small_is_left_out() -> None:
    assert sizes(png(29, 29), role="icon", style="generic") == {1: (29, 29)}
    assert sizes(png(58, 58), role="icon", style="generic") == {1: (29, 29), 2: (58, 58)}
    assert sizes(png(75, 75), role="icon", style="generic") == {1: (29, 29), 2: (58, 58), 3: (87, 87)}


def test_a_logo_smaller_than_its_place_stays_as_small_as_it_is() -> None:
    assert sizes(png(80, 20), role="logo", style="generic") == {1: (80, 20)}
    assert sizes(png(1, 1), role="strip", style="coupon") == {1: (1, 1)}


def test_an_icon_is_padded_to_a_square_and_loses_nothing() -> None:
    icon = pixels(renditions(png(200, 100), role="icon", style="generic")[3])
    assert icon.size == (87, 87)
    assert icon.getpixel((43, 2)) == (0, 0, 0, 0)
    assert icon.getpixel((2, 43)) == (0x20, 0x40, 0xA0, 255)


def test_a_strip_fills_its_place_and_loses_what_hangs_over() -> None:
    strip = pixels(renditions(jpeg(600, 1200), role="strip", style="storeCard")[1])
    assert strip.size == (375, 144)
    assert strip.mode == "RGB"


def test_a_photograph_is_turned_upright_and_its_notes_are_gone() -> None:
    # Turned by 90 degrees clockwise, the red left half becomes the upper half.
    files = renditions(jpeg(400, 400, orientation=6), role="thumbnail", style="generic")
    red, _, blue = pixels(files[1]).getpixel((45, 5))  # type: ignore[misc]  # three bands, as the mode says
    assert red > 200
    assert blue < 50
    for file in files.values():
        assert b"Ada" not in file
        assert {chunk for chunk in (b"eXIf", b"iCCP", b"tEXt", b"pHYs") if chunk in file} == set()


def test_words_and_profiles_in_a_png_are_gone() -> None:
    noted = chunked_png(
        60, 60, (b"tEXt", b"Author\0Ada"), (b"gAMA", struct.pack(">L", 45455)), grey_rows(60, 60)
    )
    assert all(b"Ada" not in file for file in renditions(noted, role="icon", style="generic").values())


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_kind_of_png_is_read(mode: str) -> None:
    icon = pixels(renditions(png(87, 87, mode=mode, colour="#ffffff"), role="icon", style="generic")[3])
    assert icon.convert("RGB").getpixel((40, 40)) == (255, 255, 255)


def test_sixteen_bits_of_grey_keep_their_shade() -> None:
    file = io.BytesIO()
    Image.new("I;16", (29, 29), 0x8000).save(file, "PNG")
    icon = pixels(renditions(file.getvalue(), role="icon", style="generic")[1])
    assert icon.convert("L").getpixel((9, 9)) == 0x80


def test_a_cmyk_jpeg_is_read() -> None:
    file = io.BytesIO()
    Image.new("CMYK", (29, 29), (0, 0, 0, 0)).save(file, "JPEG")
    assert pixels(renditions(file.getvalue(), role="icon", style="generic")[1]).getpixel((9, 9)) == (
        255,
        255,
        255,
    )


@pytest.mark.parametrize(
    "upload",
    [
        b"",
        b"icon.png",
        b"<svg xmlns='http://www.w3.org/2000/svg' width='29' height='29'/>",
        b"GIF89a\x1d\0\x1d\0\0\0\0;",
        b"RIFF\x24\0\0\0WEBPVP8 ",
        b"%PDF-1.7",
        b"PK\3\4",
    ],
)
def test_another_type_of_file_is_refused(upload: bytes) -> None:
    assert refusal(upload) == "This is not a PNG or JPEG file."


def test_a_file_beyond_two_megabytes_is_refused() -> None:
    assert refusal(png() + b"\0" * 2_000_000) == "This file is larger than 2 MB."


def test_twenty_megapixels_are_refused_by_the_header_alone() -> None:
    # There is nothing behind the header that could be unpacked.
    assert "5000 by 4000" in refusal(chunked_png(5000, 4000, (b"IDAT", b"")))
    assert "megapixels" in refusal(jpeg(5000, 4000))


@pytest.mark.parametrize("side", [20_000, 2**31 - 1])
def test_a_decompression_bomb_is_refused_in_no_time_and_space(side: int) -> None:
    bomb = chunked_png(side, side, (b"IDAT", NOTHING))
    began = time.monotonic()
    assert peak_memory(lambda: refusal(bomb)) < 1_000_000
    assert time.monotonic() - began < 1
    assert "megapixels" in refusal(bomb)


@pytest.mark.parametrize(
    "chunk",
    [
        (b"zTXt", b"Comment\0\0" + NOTHING),
        (b"iCCP", b"profile\0\0" + NOTHING),
        (b"iTXt", b"Comment\0\1\0\0\0" + NOTHING),
    ],
    ids=["zTXt", "iCCP", "iTXt"],
)
def test_a_bomb_in_the_notes_is_refused(chunk: tuple[bytes, bytes]) -> None:
    bomb = chunked_png(29, 29, chunk, grey_rows(29, 29))
    assert peak_memory(lambda: refusal(bomb)) < 10_000_000


def test_pixels_beyond_the_header_are_not_unpacked() -> None:
    bomb = chunked_png(29, 29, (b"IDAT", NOTHING))
    assert peak_memory(lambda: renditions(bomb, role="icon", style="generic")) < 1_000_000


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_file_that_is_cut_off_is_refused(part: float) -> None:
    noise = io.BytesIO()
    Image.effect_noise((200, 200), 50).save(noise, "PNG")
    for whole in (noise.getvalue(), jpeg(200, 200)):
        assert "damaged or cut off" in refusal(whole[: int(len(whole) * part)])


def test_a_file_that_breaks_its_own_check_sums_is_refused() -> None:
    whole = bytearray(png())
    whole[45] ^= 0xFF
    assert "damaged" in refusal(bytes(whole))


def test_an_animation_is_refused() -> None:
    file = io.BytesIO()
    frames = [Image.new("RGB", (50, 50), colour) for colour in ("#ff0000", "#0000ff")]
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    assert "animated" in refusal(file.getvalue())


@pytest.mark.parametrize("size", [(28, 28), (100, 28), (1, 1)])
def test_an_icon_below_29_pixels_is_refused(size: tuple[int, int]) -> None:
    assert "an icon needs at least 29 by 29" in refusal(png(*size))


def test_a_picture_that_would_be_a_line_is_refused() -> None:
    assert "would be a line" in refusal(png(4001, 100), role="logo")
    assert sizes(png(4000, 100), role="logo", style="generic")[1] == (160, 4)


@pytest.mark.parametrize(
    ("role", "style"),
    [("strip", "generic"), ("footer", "coupon"), ("thumbnail", "boardingPass"), ("hero", "generic")],
)
def test_an_image_that_the_style_does_not_show_is_refused(role: str, style: str) -> None:
    assert f"shows no {role}" in refusal(png(), role=role, style=style)


@settings(deadline=None)
@given(st.binary(max_size=300), st.sampled_from([png(40, 40), jpeg(40, 40)]), st.integers(0, 900))
def test_no_damage_brings_the_reader_down(damage: bytes, whole: bytes, place: int) -> None:
    damaged = whole[:place] + damage + whole[place + len(damage) :]
    with suppress(Invalid):
        assert renditions(damaged, role="icon", style="generic")[1].startswith(b"\x89PNG")


def test_the_neutral_icon_wears_the_colours_of_its_design() -> None:
    icon = default_icon(background="#102030", foreground="#f0e0d0")
    assert {scale: pixels(file).size for scale, file in icon.items()} == {
        1: (29, 29),
        2: (58, 58),
        3: (87, 87),
    }
    colours = {colour for _, colour in pixels(icon[3]).convert("RGBA").getcolors(10_000) or []}
    assert {(0x10, 0x20, 0x30, 255), (0xF0, 0xE0, 0xD0, 255), (0, 0, 0, 0)} <= colours
