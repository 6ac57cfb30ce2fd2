"""Drawings of results. Images are RGB uint8 [H, W, 3]; the input stays unchanged and a drawing has its size."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ris_ros.geometry import Object3D, project
from ris_ros.types import CameraModel, Candidate, Proposals, Result
from ris_ros.utils.masks import box_to_list

if TYPE_CHECKING:
    from ris_ros.language.reader import Reading

TARGET_COLOUR = (255, 64, 64)
"""RGB colour of the object that was found."""

BOX_COLOUR = (255, 255, 255)
"""RGB colour of 3-D boxes."""

GRASP_COLOUR = (255, 220, 0)
"""RGB colour of grasps."""

LABEL_TEXT_COLOUR = (255, 255, 255)
"""RGB colour of the text on labels."""

NOT_FOUND_COLOUR = (70, 70, 70)
"""RGB colour of the label that says why nothing was found."""

MASK_OPACITY = 0.45
"""Weight of the colour in pixels under a mask, 0..1."""

MAX_PIXEL = 1e4
"""Largest coordinate, in pixels, that is drawn: points far outside the image would overflow OpenCV's integers."""

GOLDEN_RATIO = 0.618034
"""Step between the hues of successive ranks, as a share of the colour circle: it keeps neighbours far apart."""


def draw_result(image: np.ndarray, result: Result) -> np.ndarray:
    """Draw the target's mask, outline and box with its expression and confidence, or the reason why it was not found.

    Each of several instances gets its own outline and box.
    """
    if not result.found:
        return _draw_label(image.copy(), (0, 0), f"{result.query.text}: {result.reason}", NOT_FOUND_COLOUR)
    canvas = image
    for instance in result.instances:
        canvas = _draw_mask(canvas, instance.mask, TARGET_COLOUR)
    for instance in result.instances:
        x1, y1, x2, y2 = box_to_list(instance.box)
        cv2.rectangle(canvas, (x1, y1), (x2 - 1, y2 - 1), TARGET_COLOUR, _line_width(image))
    x, y, *_ = box_to_list(result.box)
    return _draw_label(canvas, (x, y), f"{result.query.text}  {result.confidence:.2f}", TARGET_COLOUR)


def draw_objects(image: np.ndarray, objects: Sequence[Object3D], camera: CameraModel) -> np.ndarray:
    """Draw the 3-D box of each object, and the line along which a gripper from above would close."""
    canvas = image.copy()
    for obj in objects:
        half = obj.grasp.closing * obj.grasp.opening / 2
        top = obj.grasp.centre - obj.grasp.approach * obj.box.size[2] / 2
        pixels = project(camera, np.concatenate([obj.box.corners, [top - half, top + half]]))
        # Corners whose indices differ in one bit are joined.
        edges = [(i, i | bit) for i in range(8) for bit in (1, 2, 4) if not i & bit]
        for ends, colour, width in [*((edge, BOX_COLOUR, 1) for edge in edges), ((8, 9), GRASP_COLOUR, 2)]:
            # Points behind the camera are NaN, which fails the comparison.
            if (np.abs(pixels[list(ends)]) < MAX_PIXEL).all():
                start, end = (tuple(np.round(pixels[i]).astype(int).tolist()) for i in ends)
                cv2.line(canvas, start, end, colour, width * _line_width(image), cv2.LINE_AA)
    return canvas


def draw_candidates(image: np.ndarray, candidates: list[Candidate]) -> np.ndarray:
    """Draw every candidate in its own colour, with its rank and score."""
    canvas = image
    for rank, candidate in reversed(list(enumerate(candidates))):
        canvas = _draw_mask(canvas, candidate.mask, _rank_colour(rank))
    for rank, candidate in enumerate(candidates):
        x, y, *_ = box_to_list(candidate.box)
        canvas = _draw_label(canvas, (x, y), f"{rank + 1}: {candidate.score:.2f}", _rank_colour(rank))
    return canvas if candidates else image.copy()


def draw_ranks(image: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Draw the regions of a rank image, uint16 [H, W] as on `~/candidates`, in the colours of `draw_candidates`."""
    canvas = image
    for rank in range(int(ranks.max()), 0, -1):
        canvas = _draw_mask(canvas, ranks == rank, _rank_colour(rank - 1))
    return canvas.copy()


def draw_proposals(image: np.ndarray, proposals: Proposals) -> np.ndarray:
    """Draw all masks and their outlines, the large ones first, since they would cover the small ones."""
    canvas = image.copy()
    for rank, i in enumerate(np.argsort(-proposals.masks.sum(axis=(1, 2)))):
        canvas = _draw_mask(canvas, proposals.masks[i], _rank_colour(rank))
    return canvas


def draw_sheet(tiles: list[tuple[np.ndarray, str]], columns: int, tile_width: int = 480) -> np.ndarray:
    """Arrange images, each with a caption below and scaled to `tile_width` pixels, in rows of `columns`."""
    font = ImageFont.load_default(size=round(tile_width / 30))
    margin, caption_height = round(tile_width / 60), round(tile_width / 14)
    scaled = [cv2.resize(image, (tile_width, round(image.shape[0] * tile_width / image.shape[1])),
                         interpolation=cv2.INTER_AREA) for image, _ in tiles]
    row_height = max(image.shape[0] for image in scaled) + caption_height + margin
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (tile_width + margin) + margin, rows * row_height + margin), "white")
    pen = ImageDraw.Draw(sheet)
    for i, (image, (_, caption)) in enumerate(zip(scaled, tiles, strict=True)):
        x, y = margin + i % columns * (tile_width + margin), margin + i // columns * row_height
        sheet.paste(Image.fromarray(image), (x, y))
        pen.text((x, y + image.shape[0] + margin // 2), caption, fill="black", font=font)
    return np.array(sheet)


def draw_outline(image: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int], width: int) -> np.ndarray:
    """Draw the contours of a mask, bool [H, W], as lines of `width` pixels."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(image.copy(), contours, -1, colour, width)


def _draw_mask(image: np.ndarray, mask: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    canvas = image.copy()
    canvas[mask] = ((1 - MASK_OPACITY) * canvas[mask] + MASK_OPACITY * np.array(colour)).astype(np.uint8)
    return draw_outline(canvas, mask, colour, _line_width(image))


def _draw_label(image: np.ndarray, corner: tuple[int, int], text: str, colour: tuple[int, int, int]) -> np.ndarray:
    """Draw text on a filled tag above `corner` (x, y), shifted to stay inside the image."""
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
    pen.text((x + pad, y + pad), text, fill=LABEL_TEXT_COLOUR, font=font)
    return np.array(canvas)


def _line_width(image: np.ndarray) -> int:
    height: int = image.shape[0]
    return max(1, round(height / 300))


def _rank_colour(rank: int) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb((rank * GOLDEN_RATIO) % 1, 0.85, 0.95)
    return round(255 * red), round(255 * green), round(255 * blue)


def draw_reading(reading: Reading) -> str:
    """Return an SVG picture of a reading: its words, and an arc with a label from each word's governor to it."""
    from spacy import displacy

    tree = reading.tree
    words = [{"text": "(request)", "tag": ""}, *(
        {"text": word, "tag": f"{share:.0%}"}
        for word, share in zip(tree.words[1:], reading.sureness[1:], strict=True))]
    # Words that are only said would hide the others.
    arcs = [{"start": min(i, head), "end": max(i, head), "label": label, "dir": "right" if head < i else "left"}
            for i, (head, label) in enumerate(zip(tree.heads, tree.labels, strict=True)) if i and label != "said"]
    return displacy.render({"words": words, "arcs": arcs}, style="dep", manual=True, jupyter=False,
                           options={"compact": True, "distance": 110, "word_spacing": 30, "bg": "#ffffff"})
