"""Where in an image to ask SAM, by what its own embedding and the edges of the image show."""

from __future__ import annotations

import cv2
import numpy as np

from ris_ros.proposals.resize import CELL, STRIDE

SPREAD = 3.0
"""How much the width of the input counts beside the chord between two embeddings when points are spread: at 0
one textured region takes all points, at 10 they form a grid. Chosen for the recall of objects on
photographs and tabletops."""
NOVELTY = 0.75
"""Where no cell is farther than this from every point asked, the rest of the image is more of the same."""
APART = 1.75
"""Cells between two points of the second round, and from those of the first."""
PER_CELL = CELL // STRIDE
"""Logits along each side of a cell."""
EDGE = 50, 150
"""Canny's lower and upper threshold on each channel of CIELAB at the logits' size."""
REGION = 10, 0.3
"""Least logits, and most as a share of all, of a region between edges that may be a thing."""
SHOWN = 0.55
"""Least IoU of a region and a mask that shows it."""
WIDE = 6.0
"""Logits from a region's middle to its rim above which it is no better a place to ask."""


def spread_points(features: np.ndarray, most: int) -> np.ndarray:
    """Where to ask: at most `most` points float64 [P, 2], xy in cells, for the embedding float32 [D, rows, columns].

    Starts at the most ordinary cell and goes on to whichever cell is farthest, in the look that the network itself
    gives it and in place, from every point so far (farthest-point sampling, Gonzalez 1985). A grid spends its points
    by area; these go where the image has something new: a spoon on a saucer, a patch on a suit.
    """
    rows, columns = features.shape[1:]
    looks = _looks(features)
    places = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    cells = np.concatenate([looks, places * (SPREAD / 64)], axis=1)
    chosen = [int(np.linalg.norm(looks - looks.mean(axis=0), axis=1).argmin())]
    distance = np.linalg.norm(cells - cells[chosen[0]], axis=1)
    while len(chosen) < most and distance.max() > NOVELTY:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(cells - cells[chosen[-1]], axis=1))
    return places[chosen] + 0.5


def unexplained_points(image: np.ndarray, features: np.ndarray, masks: np.ndarray, asked: np.ndarray, most: int
                       ) -> np.ndarray:
    """Where to ask again: at most `most` points float64 [P, 2], xy in cells, none near those `asked`, [P, 2].

    The image is uint8 RGB [h, w, 3]; its embedding is float32 [D, rows, columns], and the masks found so far are bool
    [N, 4 rows, 4 columns] or a little less. Up to half of the points are the middles of regions between edges that no
    mask shows: a ball in a bowl, a spoon in a cup. The others are the cells least like the part of the image in which
    they lie.
    """
    unlike = _unlikeness(features, masks)
    points = asked
    for middle in _unshown_middles(image, masks, unlike):
        if len(points) - len(asked) >= most // 2:
            break
        if (np.linalg.norm(points - middle, axis=1) > 1).all():
            points = np.vstack([points, middle])
    places = np.stack(np.meshgrid(*map(np.arange, unlike.shape[::-1])), axis=-1) + 0.5
    for point in points:
        unlike[np.linalg.norm(places - point, axis=-1) < APART] = 0
    while len(points) - len(asked) < most and unlike.max() > 0:
        points = np.vstack([points, places.reshape(-1, 2)[unlike.argmax()]])
        unlike[np.linalg.norm(places - points[-1], axis=-1) < APART] = 0
    return points[len(asked):]


def _unlikeness(features: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """How unlike the part of the image in which it lies each cell looks, float32 [rows, columns].

    The masks part the cells by the smallest one that covers each, and what none covers is a part of its own. A thing
    that was missed lies in a part whose other cells look unlike it, as a cup does on the mask of a table.
    """
    rows, columns = features.shape[1:]
    looks = _looks(features)
    coverage = np.array([cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA).ravel()
                         for mask in masks]).reshape(len(masks), rows * columns)
    part = np.full(rows * columns, -1)
    for index in np.argsort(-coverage.sum(axis=1), kind="stable"):
        part[coverage[index] > 0.5] = index
    unlike = np.zeros(rows * columns, np.float32)
    for index in np.unique(part):
        inside = part == index
        unlike[inside] = np.linalg.norm(looks[inside] - looks[inside].mean(axis=0), axis=1)
    # Every border is unlike both of its sides; the middle of a small thing is so on all sides.
    return cv2.blur(unlike.reshape(rows, columns), (3, 3), borderType=cv2.BORDER_REFLECT)


def _unshown_middles(image: np.ndarray, masks: np.ndarray, unlike: np.ndarray) -> np.ndarray:
    """The middles float64 [P, 2], xy in cells, of regions between edges that no mask shows, the most unlike first."""
    rows, columns = masks.shape[1:]
    edges = _edges(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA))
    # Edges go round corners: regions that touch at one alone are two.
    _, regions, stats, _ = cv2.connectedComponentsWithStats(255 - edges, connectivity=4)
    size = stats[:, cv2.CC_STAT_AREA]
    free = (size >= REGION[0]) & (size <= REGION[1] * rows * columns)
    free &= _best_iou(np.where(edges, cv2.dilate(regions.astype(np.float32), np.ones((3, 3))), regions), masks) <= SHOWN
    free[0] = False  # the edges themselves
    to_rim = cv2.distanceTransform(255 - edges, cv2.DIST_L2, 3)
    farthest = np.argsort(-to_rim, axis=None, kind="stable")
    labels, first = np.unique(regions.ravel()[farthest], return_index=True)
    y, x = np.unravel_index(farthest[first[free[labels]]], to_rim.shape)
    order = np.argsort(-unlike[y // PER_CELL, x // PER_CELL] * np.minimum(to_rim[y, x], WIDE), kind="stable")
    return (np.stack([x, y], axis=1)[order] + 0.5) / PER_CELL


def _edges(image: np.ndarray) -> np.ndarray:
    """Where lightness or colour changes: uint8 [H, W], 255 there, of RGB [H, W, 3]."""
    # Each channel by itself: a red ball in a red bowl differs in lightness alone, a toy on its shadow in colour.
    channels = cv2.split(cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), (3, 3), 0))
    return np.max([cv2.Canny(channel, *EDGE) for channel in channels], axis=0)


def _best_iou(regions: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """The IoU of each region, by its number in [H, W], with the mask of bool [N, H, W] that shows it best."""
    regions = regions.ravel().astype(int)
    size = np.bincount(regions)
    shared = np.array([np.bincount(regions, mask.ravel(), len(size)) for mask in masks]).reshape(len(masks), len(size))
    iou = shared / np.maximum(size + np.count_nonzero(masks, axis=(1, 2))[:, None] - shared, 1)
    return iou.max(axis=0, initial=0)


def _looks(features: np.ndarray) -> np.ndarray:
    """One row for each cell of an embedding float32 [D, rows, columns], of length 1 or less."""
    looks = features.reshape(len(features), -1).T
    # Featureless surfaces have short embeddings: lengthened to 1 their noise would count as novelty.
    return looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1)
