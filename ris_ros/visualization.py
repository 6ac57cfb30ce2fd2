"""Pictures of results, for RViz and for people: RGB uint8 in, a new RGB uint8 of the same size out."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ris_ros.geometry import Object3D, project
from ris_ros.types import CameraModel, Candidate, Proposals, Result

TARGET_COLOUR = (255, 64, 64)
BOX_COLOUR = (255, 255, 255)
GRASP_COLOUR = (255, 220, 0)
LABEL_INK = (255, 255, 255)
NOT_FOUND_COLOUR = (70, 70, 70)


def draw_result(image: np.ndarray, result: Result) -> np.ndarray:
    """The target's mask, outline and box with the expression and its confidence; or why it was not found.

    Of several instances each has its own outline and box.
    """
    if not result.found:
        return _label(image.copy(), (0, 0), f"{result.query.text}: {result.reason}", NOT_FOUND_COLOUR)
    canvas = image
    for instance in result.instances:
        canvas = _paint(canvas, instance.mask, TARGET_COLOUR)
    for instance in result.instances:
        x1, y1, x2, y2 = (round(float(edge)) for edge in instance.box)
        cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), TARGET_COLOUR, _line(image))
    corner = (round(float(result.box[0])), round(float(result.box[1])))
    return _label(canvas, corner, f"{result.query.text}  {result.confidence:.2f}", TARGET_COLOUR)


def draw_objects(image: np.ndarray, objects: Sequence[Object3D], camera: CameraModel) -> np.ndarray:
    """The box of each object in space, and the line along which a gripper from above would close."""
    canvas = image.copy()
    for thing in objects:
        half = thing.grasp.closing * thing.grasp.opening / 2
        top = thing.grasp.centre - thing.grasp.approach * thing.box.size[2] / 2
        pixels = project(camera, np.concatenate([thing.box.corners, [top - half, top + half]]))
        # Corners whose indices differ in one bit are joined.
        edges = [(i, i | bit) for i in range(8) for bit in (1, 2, 4) if not i & bit]
        for ends, colour, width in [*((edge, BOX_COLOUR, 1) for edge in edges), ((8, 9), GRASP_COLOUR, 2)]:
            # What is far outside the picture overflows OpenCV's integers, and what is behind the camera is NaN.
            if (np.abs(pixels[list(ends)]) < 1e4).all():
                start, end = (tuple(np.round(pixels[i]).astype(int).tolist()) for i in ends)
                cv2.line(canvas, start, end, colour, width * _line(image), cv2.LINE_AA)
    return canvas


def draw_candidates(image: np.ndarray, candidates: list[Candidate]) -> np.ndarray:
    """Every candidate in a colour of its own, with its rank and score."""
    canvas = image
    for rank, candidate in reversed(list(enumerate(candidates))):
        canvas = _paint(canvas, candidate.mask, _colour(rank))
    for rank, candidate in enumerate(candidates):
        corner = (round(float(candidate.box[0])), round(float(candidate.box[1])))
        canvas = _label(canvas, corner, f"{rank + 1}: {candidate.score:.2f}", _colour(rank))
    return canvas if candidates else image.copy()


def draw_ranks(image: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """The areas of a rank image, uint16 [H, W] as on `~/candidates`, in the colours of `draw_candidates`."""
    canvas = image
    for rank in range(int(ranks.max()), 0, -1):
        canvas = _paint(canvas, ranks == rank, _colour(rank - 1))
    return canvas.copy()


def draw_proposals(image: np.ndarray, proposals: Proposals) -> np.ndarray:
    """Every proposal's mask and outline, large ones first so that the parts inside them show."""
    canvas = image.copy()
    for rank, i in enumerate(np.argsort(-proposals.masks.sum(axis=(1, 2)))):
        canvas = _paint(canvas, proposals.masks[i], _colour(rank))
    return canvas


def draw_sheet(tiles: list[tuple[np.ndarray, str]], columns: int, tile_width: int = 480) -> np.ndarray:
    """Pictures with a caption under each, in rows; each is scaled to `tile_width` pixels."""
    font = ImageFont.load_default(size=round(tile_width / 30))
    margin, caption_height = round(tile_width / 60), round(tile_width / 14)
    scaled = [cv2.resize(picture, (tile_width, round(picture.shape[0] * tile_width / picture.shape[1])),
                         interpolation=cv2.INTER_AREA) for picture, _ in tiles]
    row_height = max(picture.shape[0] for picture in scaled) + caption_height + margin
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (tile_width + margin) + margin, rows * row_height + margin), "white")
    pen = ImageDraw.Draw(sheet)
    for i, (picture, (_, caption)) in enumerate(zip(scaled, tiles, strict=True)):
        x, y = margin + i % columns * (tile_width + margin), margin + i // columns * row_height
        sheet.paste(Image.fromarray(picture), (x, y))
        pen.text((x, y + picture.shape[0] + margin // 2), caption, fill="black", font=font)
    return np.array(sheet)


def outline(image: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int], width: int) -> np.ndarray:
    """The edges of a mask, bool [H, W], as a line of `width` pixels."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(image.copy(), contours, -1, colour, width)


def _paint(image: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    canvas = image.copy()
    canvas[mask] = (0.55 * canvas[mask] + 0.45 * np.array(colour)).astype(np.uint8)
    return outline(canvas, mask, colour, _line(image))


def _label(image: np.ndarray, corner: tuple[int, int], text: str, colour: tuple[int, int, int]) -> np.ndarray:
    """Text on a filled tag above `corner` (x, y), moved inside the picture where it would leave it."""
    height, width = image.shape[:2]
    font = ImageFont.load_default(size=max(11, round(height / 32)))
    canvas = Image.fromarray(image)
    pen = ImageDraw.Draw(canvas)
    _, top, right, bottom = pen.textbbox((0, 0), text, font=font)
    pad = max(2, (bottom - top) // 4)
    tag_width, tag_height = right + 2 * pad, bottom + 2 * pad
    x = max(0, min(corner[0], width - tag_width))
    y = max(0, min(corner[1] - tag_height, height - tag_height))
    pen.rectangle((x, y, x + tag_width, y + tag_height), fill=colour)
    pen.text((x + pad, y + pad), text, fill=LABEL_INK, font=font)
    return np.array(canvas)


def _line(image: np.ndarray) -> int:
    return max(1, round(image.shape[0] / 300))


def _colour(rank: int) -> tuple[int, int, int]:
    # Steps of the golden ratio round the colour circle keep neighbours in rank apart.
    red, green, blue = colorsys.hsv_to_rgb((rank * 0.618034) % 1, 0.85, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)
