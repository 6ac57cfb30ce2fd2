"""Pictures in files and messages: they are read rightly, or refused in one line before they cost memory."""

import io
import struct
import subprocess
import sys
import zlib
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from ris_ros import Config
from ris_ros.errors import InputError
from ris_ros.messages import check_image_size, decode_camera_info, decode_depth, decode_image
from ris_ros.utils.images import MAX_IMAGE_PIXELS, decode_rgb, read_image, read_single_channel

RNG = np.random.default_rng(11)
SMOOTH = cv2.resize(RNG.integers(0, 256, (6, 8, 3), np.uint8), (48, 36), interpolation=cv2.INTER_CUBIC)
PICTURE = Image.fromarray(SMOOTH)
FORMATS = {"PNG": {}, "JPEG": {"quality": 95}, "WEBP": {"lossless": True}, "TIFF": {}, "BMP": {}}


def encoded(picture, format_, **options):
    content = io.BytesIO()
    picture.save(content, format_, **(FORMATS[format_] | options))
    return content.getvalue()


def compressed(content, format_=""):
    return SimpleNamespace(format=format_, data=content, header=SimpleNamespace(frame_id=""))


def read_or_refuse(read, shape=SMOOTH.shape):
    """Read a damaged picture: it must be one of the right type, or refused in one line."""
    try:
        image = read()
    except InputError as error:
        assert "\n" not in str(error) and len(str(error)) < 600
    else:
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size


@pytest.mark.parametrize("format_", FORMATS)
@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_damaged_pictures_are_read_or_refused(format_, data):
    content = bytearray(encoded(PICTURE, format_))
    # The header decides on memory, so half of the changes go there.
    for _ in range(data.draw(st.integers(1, 4))):
        end = 64 if data.draw(st.booleans()) else len(content)
        content[data.draw(st.integers(0, end - 1))] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
    content = bytes(content)[:data.draw(st.sampled_from([len(content), 10, len(content) // 2]))]
    read_or_refuse(lambda: decode_rgb(content, 10_000_000, upright=True))
    read_or_refuse(lambda: decode_image(compressed(content, "bayer_rggb8; png compressed "), 10_000_000))


@pytest.mark.parametrize("format_", FORMATS)
def test_half_a_picture_is_no_picture(format_, tmp_path):
    content = encoded(PICTURE, format_)
    for part in (b"", content[:3], content[:len(content) // 2], content[:-len(content) // 8]):
        (tmp_path / "part").write_bytes(part)
        with pytest.raises(InputError, match=str(tmp_path / "part")):
            read_image(tmp_path / "part")


def png_header(width, height, kind=2, bits=8):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b""))


def jpeg_header(width, height):
    content = encoded(PICTURE, "JPEG")
    at = content.index(b"\xff\xc0") + 5
    return content[:at] + struct.pack(">HH", height, width) + content[at + 4:]


def webp_header(width, height):
    content = encoded(PICTURE, "WEBP")
    assert content[12:16] == b"VP8L"
    (bits,) = struct.unpack("<I", content[21:25])
    return content[:21] + struct.pack("<I", bits >> 28 << 28 | height - 1 << 14 | width - 1) + content[25:]


def bmp_header(width, height):
    content = encoded(PICTURE, "BMP")
    return content[:18] + struct.pack("<ii", width, height) + content[26:]


def tiff_header(width, height):
    content = encoded(PICTURE, "TIFF")
    for tag, value in ((256, width), (257, height)):
        at = content.index(struct.pack("<HH", tag, 4 if struct.pack("<HH", tag, 4) in content else 3))
        content = content[:at + 2] + struct.pack("<HII", 4, 1, value) + content[at + 12:]
    return content


def test_a_chunk_that_is_longer_than_the_file_takes_no_memory():
    content = encoded(PICTURE, "PNG")
    at = content.index(b"IDAT") - 4
    damaged = content[:at] + b"\xff\0\0\x12" + content[at + 4:]
    with pytest.raises(InputError, match=r"cannot read the header"):
        decode_image(compressed(damaged))


HEADERS = {"PNG": png_header, "JPEG": jpeg_header, "WEBP": webp_header, "BMP": bmp_header, "TIFF": tiff_header}
SIZES = {"JPEG": [(10_000, 10_000), (40_000, 40_000)], "WEBP": [(10_000, 10_000), (16_383, 16_383)]}


@pytest.mark.parametrize(("format_", "size"), [
    (format_, size) for format_ in HEADERS
    for size in SIZES.get(format_, [(10_000, 10_000), (40_000, 40_000), (2_000_000, 30), (2**30, 2**30)])])
def test_the_header_is_checked_before_anything_is_decoded(format_, size, tmp_path):
    content = HEADERS[format_](*size)
    (tmp_path / "large").write_bytes(content)
    for read in (lambda: read_image(tmp_path / "large"), lambda: decode_image(compressed(content)),
                 lambda: check_image_size(compressed(content)), lambda: read_single_channel(tmp_path / "large")):
        with pytest.raises(InputError, match="max_image_pixels"):
            read()


def test_the_limit_is_one_and_a_setting():
    assert Config().max_image_pixels == MAX_IMAGE_PIXELS
    content = encoded(PICTURE, "PNG")
    assert decode_image(compressed(content), SMOOTH[..., 0].size).shape == SMOOTH.shape
    with pytest.raises(InputError, match="48 x 36 pixels is larger than max_image_pixels, 1727"):
        decode_image(compressed(content), SMOOTH[..., 0].size - 1)
    raw = SimpleNamespace(height=36, width=48, encoding="rgb8", step=144, is_bigendian=0, data=SMOOTH.tobytes())
    np.testing.assert_array_equal(decode_image(raw, 1728), SMOOTH)
    with pytest.raises(InputError, match="max_image_pixels, 1727"):
        decode_image(raw, 1727)


def test_large_and_hostile_pictures_take_little_memory(tmp_path):
    for format_, header in HEADERS.items():
        (tmp_path / format_).write_bytes(header(10_000, 9_000))
    code = f"""
import resource
from pathlib import Path
from ris_ros.utils.images import read_image
from ris_ros.errors import InputError
resource.setrlimit(resource.RLIMIT_AS, (1_500_000_000,) * 2)
for file in sorted(Path({str(tmp_path)!r}).iterdir()):
    try:
        read_image(file)
    except InputError as error:
        print("max_image_pixels" in str(error))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert run.stdout.split() == ["True"] * len(HEADERS)


GREY = SMOOTH[..., 1]
STORED = {
    "grey": (encoded(Image.fromarray(GREY), "PNG"), np.repeat(GREY[..., None], 3, 2)),
    "16 bits": (encoded(Image.fromarray(GREY.astype(np.uint16) * 257), "PNG"), np.repeat(GREY[..., None], 3, 2)),
    "16-bit TIFF": (encoded(Image.fromarray(GREY.astype(np.uint16) * 257), "TIFF"), np.repeat(GREY[..., None], 3, 2)),
    "16-bit colours": (cv2.imencode(".png", SMOOTH[..., ::-1].astype(np.uint16) * 257)[1].tobytes(), SMOOTH),
    "palette": (encoded(PICTURE.quantize(256), "PNG"), np.array(PICTURE.quantize(256).convert("RGB"))),
    "alpha": (encoded(Image.fromarray(np.dstack([SMOOTH, GREY])), "PNG"), SMOOTH),
    "grey and alpha": (encoded(Image.fromarray(np.dstack([GREY, GREY])), "PNG"), np.repeat(GREY[..., None], 3, 2)),
    "black and white": (encoded(Image.fromarray(GREY > 128), "PNG"),
                        np.repeat(((GREY > 128) * np.uint8(255))[..., None], 3, 2)),
    "CMYK": (encoded(PICTURE.convert("CMYK"), "JPEG", quality=100), SMOOTH)}


@pytest.mark.parametrize("kind", STORED)
def test_pixels_of_every_kind_become_rgb(kind):
    content, expected = STORED[kind]
    for image in (decode_rgb(content, upright=True), decode_image(compressed(content))):
        np.testing.assert_allclose(image.astype(int), expected, atol=12 if kind == "CMYK" else 1)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_turns_photographs_but_not_the_pictures_of_data_sets(format_, orientation, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "photo").write_bytes(encoded(PICTURE, format_, exif=exif))
    turned = {1: SMOOTH, 2: SMOOTH[:, ::-1], 3: SMOOTH[::-1, ::-1], 4: SMOOTH[::-1], 5: SMOOTH.transpose(1, 0, 2),
              6: np.rot90(SMOOTH, -1), 7: np.rot90(SMOOTH, 2).transpose(1, 0, 2), 8: np.rot90(SMOOTH)}[orientation]
    upright, stored = (read_image(tmp_path / "photo", upright=upright) for upright in (True, False))
    np.testing.assert_allclose(upright.astype(int), turned, atol=0 if format_ != "JPEG" else 30)
    np.testing.assert_allclose(stored.astype(int), SMOOTH, atol=0 if format_ != "JPEG" else 30)
    np.testing.assert_array_equal(decode_image(compressed((tmp_path / "photo").read_bytes())), stored)


PATTERNS = ("rggb", "bggr", "gbrg", "grbg")


@pytest.mark.parametrize("target", ["", "{0}", None])
@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_mosaic_in_a_png_is_the_picture_that_it_is_raw(pattern, bits, target):
    colour = dict(zip("rgb", (200, 120, 40), strict=True))
    tile = np.array([colour[c] for c in pattern], np.uint16 if bits == 16 else np.uint8).reshape(2, 2)
    mosaic = np.tile(tile * (257 if bits == 16 else 1), (10, 12))
    name = f"bayer_{pattern}{bits}"
    format_ = name if target is None else f"{name}; png compressed {target.format(name)}"
    raw = SimpleNamespace(height=20, width=24, encoding=name, step=mosaic[0].nbytes, is_bigendian=0,
                          data=mosaic.tobytes())
    image = decode_image(compressed(cv2.imencode(".png", mosaic)[1].tobytes(), format_))
    np.testing.assert_array_equal(image, decode_image(raw))
    np.testing.assert_allclose(image[2:-2, 2:-2].astype(int), np.broadcast_to((200, 120, 40), (16, 20, 3)), atol=1)


@pytest.mark.parametrize("format_", ["bayer_rggb8; jpeg compressed bgr8", "bayer_rggb8; png compressed bgr8",
                                     "rgba8; png compressed bgr8", "bgra8; png compressed bgr8", "rgb8", "png", "",
                                     "nv12; jpeg compressed bgr8", "yuv422; png compressed bgr8", "bgr8;"])
def test_a_picture_that_was_converted_before_is_taken_as_it_is(format_):
    content = cv2.imencode(".png", SMOOTH[..., ::-1])[1].tobytes()
    np.testing.assert_array_equal(decode_image(compressed(content, format_)), SMOOTH)


def test_16_bit_grey_is_scaled_like_the_raw_message():
    values = GREY.astype(np.uint16) * 257
    raw = SimpleNamespace(height=36, width=48, encoding="mono16", step=96, is_bigendian=1,
                          data=values.astype(">u2").tobytes())
    image = decode_image(compressed(cv2.imencode(".png", values)[1].tobytes(), "mono16; png compressed mono16"))
    np.testing.assert_allclose(image.astype(int), decode_image(raw), atol=1)


@pytest.mark.parametrize("format_", ["16UC1; png compressed ", "32FC1; compressedDepth png", "16UC1; compressedDepth"])
def test_depth_is_no_picture(format_):
    content = cv2.imencode(".png", GREY.astype(np.uint16))[1].tobytes()
    with pytest.raises(InputError, match="this is depth"):
        decode_image(compressed(content, format_))


DEPTH = (1000 + GREY.astype(np.uint16) * 4)
DEPTH_PNG = cv2.imencode(".png", DEPTH)[1].tobytes()


@pytest.mark.parametrize(("format_", "content"), [
    ("16UC1; compressedDepth png", bytes(12) + DEPTH_PNG), ("16UC1; compressedDepth", bytes(12) + DEPTH_PNG),
    ("16UC1; png compressed ", DEPTH_PNG), ("16UC1; png compressed 16UC1", DEPTH_PNG)])
def test_depth_of_both_transports_is_read(format_, content):
    metres = decode_depth(compressed(content, format_), SimpleNamespace(frame_id=""), DEPTH.shape)
    np.testing.assert_allclose(metres, DEPTH / 1000, atol=1e-6)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(at=st.integers(0, 100), value=st.sampled_from([0, 1, 0x7F, 0xFF]), cut=st.integers(0, 400),
       format_=st.sampled_from(["16UC1; compressedDepth png", "32FC1; compressedDepth png", "16UC1; png compressed "]))
@example(at=30, value=0x7F, cut=400, format_="16UC1; compressedDepth png")
def test_damaged_depth_is_read_or_refused(at, value, cut, format_):
    content = bytearray(bytes(12) + DEPTH_PNG)
    content[at % len(content)] = value
    try:
        metres = decode_depth(compressed(bytes(content)[:max(cut, 1) * 8], format_), SimpleNamespace(frame_id=""),
                              DEPTH.shape)
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert metres.shape == DEPTH.shape and np.isfinite(metres).all()


def test_a_path_that_cannot_be_one_is_refused(tmp_path):
    for name in ("a\0b", "x" * 5000, "", "."):
        for read in (read_image, read_single_channel):
            with pytest.raises(InputError):
                read(f"{tmp_path}/{name}")


numbers = st.sampled_from([0.0, 1.0, -1.0, 20.0, 0.1, 1e-300, 1e300, float("nan"), float("inf")])


@settings(max_examples=100, deadline=None, derandomize=True)
@given(model=st.sampled_from(["plumb_bob", "rational_polynomial", "equidistant", "", "other"]),
       k=st.lists(numbers, min_size=9, max_size=9), d=st.lists(numbers, max_size=14), is_pinhole=st.booleans())
@example(model="equidistant", k=[20, 0, 8, 0, 20, 6, 0, 0, 1], d=[0.0] * 5, is_pinhole=True)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_any_camera_is_a_model_or_refused(model, k, d, is_pinhole):
    k = [20.0, 0.0, 8.0, 0.0, 20.0, 6.0, 0.0, 0.0, 1.0] if is_pinhole else k
    info = SimpleNamespace(height=12, width=16, k=k, d=d, distortion_model=model)
    try:
        camera = decode_camera_info(info, (12, 16))
    except InputError as error:
        assert "\n" not in str(error)
    else:
        assert np.isfinite(camera.intrinsics).all()
