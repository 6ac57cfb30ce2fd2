"""Choice of prompt points, from SAM's own embedding and the edges of the image."""

from __future__ import annotations

import cv2
import numpy as np

from ris_ros.proposals.resize import CELL_STRIDE, LOGIT_STRIDE

POSITION_WEIGHT = 3.0
"""Weight of a distance of one input width against the distance of two embeddings when points are spread. With 0 one
textured region takes all points, with 10 they form a grid. Chosen for the recall of objects on photographs and
tabletops."""

MIN_NOVELTY = 0.75
"""Distance to the nearest point below which a cell is not novel; spreading stops when all cells are below it."""

MIN_POINT_DISTANCE = 1.75
"""Cells between two points of the second round, and from them to those of the first."""

LOGITS_PER_CELL = CELL_STRIDE // LOGIT_STRIDE
"""Logits along each side of a cell."""

CANNY_THRESHOLDS = 50, 150
"""Lower and upper threshold on each channel of CIELAB, at the size of the logits."""

MIN_REGION_LOGITS = 10
"""Logits in the smallest region between edges that may be an object."""

MAX_REGION_SHARE = 0.3
"""Share of all logits in the largest region between edges that may be an object."""

MAX_UNEXPLAINED_IOU = 0.55
"""IoU of a region with a mask above which the mask explains it."""

MAX_BORDER_DISTANCE = 6.0
"""Logits from the centre of a region to its border above which a larger region is no better prompt."""


def spread_points(features: np.ndarray, max_points: int) -> np.ndarray:
    """Return points spread over the distinct regions of the embedding (farthest-point sampling, Gonzalez 1985).

    Starts at the cell closest to the mean embedding and continues with the cell that is farthest, in embedding and in
    position, from all points so far. A grid distributes its points by area; these go to cells with a new appearance: a
    spoon on a saucer, a patch on a suit.

    Parameters
    ----------
    features : the embedding, float32 [D, rows, columns]
    max_points : at least 1; plain images get fewer

    Returns
    -------
    points : float64 [P, 2], xy in cells

    """
    rows, columns = features.shape[1:]
    appearance = _cell_features(features)
    positions = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), axis=-1).reshape(-1, 2)
    cells = np.concatenate([appearance, positions * (POSITION_WEIGHT / 64)], axis=1)
    chosen = [int(np.linalg.norm(appearance - appearance.mean(axis=0), axis=1).argmin())]
    distance = np.linalg.norm(cells - cells[chosen[0]], axis=1)
    while len(chosen) < max_points and distance.max() > MIN_NOVELTY:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(cells - cells[chosen[-1]], axis=1))
    points: np.ndarray = positions[chosen] + 0.5
    return points


def unexplained_points(image: np.ndarray, features: np.ndarray, masks: np.ndarray, first_points: np.ndarray,
                       max_points: int) -> np.ndarray:
    """Return points for a second round of prompts, where the masks of the first do not explain the image.

    Up to half of the points are the centres of edge-enclosed regions that no mask matches: a ball in a bowl, a spoon in
    a cup. The others are the cells that differ most from the segment in which they lie.

    Parameters
    ----------
    image : uint8 RGB [H, W, 3]
    features : its embedding, float32 [D, rows, columns]
    masks : of the first round, bool [N, h, w] at the size of the logits: 4 rows x 4 columns or a little less
    first_points : of the first round, float64 [Q, 2], xy in cells
    max_points : 0 or more

    Returns
    -------
    points : float64 [P, 2], xy in cells; none near a first point

    """
    dissimilarity = _dissimilarity(features, masks)
    points = first_points
    for centre in _unexplained_centres(image, masks, dissimilarity):
        if len(points) - len(first_points) >= max_points // 2:
            break
        if (np.linalg.norm(points - centre, axis=1) > 1).all():
            points = np.vstack([points, centre])
    centres = np.stack(np.meshgrid(*map(np.arange, dissimilarity.shape[::-1])), axis=-1) + 0.5
    for point in points:
        dissimilarity[np.linalg.norm(centres - point, axis=-1) < MIN_POINT_DISTANCE] = 0
    while len(points) - len(first_points) < max_points and dissimilarity.max() > 0:
        points = np.vstack([points, centres.reshape(-1, 2)[dissimilarity.argmax()]])
        dissimilarity[np.linalg.norm(centres - points[-1], axis=-1) < MIN_POINT_DISTANCE] = 0
    return points[len(first_points):]


def _dissimilarity(features: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the distance of each cell to the mean of the segment in which it lies, float32 [rows, columns].

    A cell belongs to the smallest mask that covers it; cells without a mask are one segment. An object that was missed
    lies in a segment whose other cells look different, as a cup does on the mask of a table.
    """
    rows, columns = features.shape[1:]
    appearance = _cell_features(features)
    coverage = np.array([cv2.resize(mask.astype(np.float32), (columns, rows), interpolation=cv2.INTER_AREA).ravel()
                         for mask in masks]).reshape(len(masks), rows * columns)
    segment = np.full(rows * columns, -1)
    for index in np.argsort(-coverage.sum(axis=1), kind="stable"):
        segment[coverage[index] > 0.5] = index
    dissimilarity = np.zeros(rows * columns, np.float32)
    for index in np.unique(segment):
        inside = segment == index
        dissimilarity[inside] = np.linalg.norm(appearance[inside] - appearance[inside].mean(axis=0), axis=1)
    # A cell on a border differs from both sides; the centre of a small object differs from all sides.
    return cv2.blur(dissimilarity.reshape(rows, columns), (3, 3), borderType=cv2.BORDER_REFLECT)


def _unexplained_centres(image: np.ndarray, masks: np.ndarray, dissimilarity: np.ndarray) -> np.ndarray:
    """Return the centres, float64 [P, 2], xy in cells, of edge-enclosed regions that no mask matches.

    Regions that differ most from their segment, and wide ones, come first.
    """
    rows, columns = masks.shape[1:]
    edges = _edges(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA))
    # Diagonal edges have no gaps with 4 neighbours: regions that touch at a corner are two.
    _, regions, stats, _ = cv2.connectedComponentsWithStats(255 - edges, connectivity=4)
    area = stats[:, cv2.CC_STAT_AREA]
    is_candidate = (area >= MIN_REGION_LOGITS) & (area <= MAX_REGION_SHARE * rows * columns)
    with_borders = np.where(edges, cv2.dilate(regions.astype(np.float32), np.ones((3, 3))), regions)
    is_candidate &= _best_iou(with_borders, masks) <= MAX_UNEXPLAINED_IOU
    is_candidate[0] = False  # Label 0 is the edges themselves.
    border_distance = cv2.distanceTransform(255 - edges, cv2.DIST_L2, 3)
    farthest_first = np.argsort(-border_distance, axis=None, kind="stable")
    labels, first = np.unique(regions.ravel()[farthest_first], return_index=True)
    y, x = np.unravel_index(farthest_first[first[is_candidate[labels]]], border_distance.shape)
    priority = (dissimilarity[y // LOGITS_PER_CELL, x // LOGITS_PER_CELL]
                * np.minimum(border_distance[y, x], MAX_BORDER_DISTANCE))
    best_first = np.argsort(-priority, kind="stable")
    centres: np.ndarray = (np.stack([x, y], axis=1)[best_first] + 0.5) / LOGITS_PER_CELL
    return centres


def _edges(image: np.ndarray) -> np.ndarray:
    """Return the edges in lightness or colour, uint8 [H, W], 0 or 255, of an image uint8 RGB [H, W, 3]."""
    # Each channel separately: a red ball in a red bowl differs in lightness only, a toy on its shadow in colour only.
    channels = cv2.split(cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), (3, 3), 0))
    edges: np.ndarray = np.max([cv2.Canny(channel, *CANNY_THRESHOLDS) for channel in channels], axis=0)
    return edges


def _best_iou(regions: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the largest IoU of each region, by its label in [H, W], with any mask of bool [N, H, W]."""
    # Regions do not overlap, so counting labels under each mask is cheaper than a mask for each region.
    labels = regions.ravel().astype(int)
    area = np.bincount(labels)
    shared = np.array([np.bincount(labels, mask.ravel(), len(area)) for mask in masks]).reshape(len(masks), len(area))
    iou = shared / np.maximum(area + np.count_nonzero(masks, axis=(1, 2))[:, None] - shared, 1)
    best: np.ndarray = iou.max(axis=0, initial=0)
    return best


def _cell_features(features: np.ndarray) -> np.ndarray:
    """Return the cells of an embedding, float32 [D, rows, columns], as rows of length 1 or less."""
    cells = features.reshape(len(features), -1).T
    # Plain surfaces have short embeddings; scaled up to length 1, their noise would count as novelty.
    normalized: np.ndarray = cells / np.maximum(np.linalg.norm(cells, axis=1, keepdims=True), 1)
    return normalized
