"""Choice of prompt points, from SAM's own embedding, the masks so far and the edges of the image."""

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

NOVELTY_WEIGHTS = {"segment": 1.4, "image": -1.5, "dissimilarity": 6.6, "length": -6.8, "distance": 0.86, "bias": -4.0}
"""Logistic regression of whether a prompt on a cell finds a new mask, on: its distance in embedding to the nearest
prompted cell of its segment (2 where there is none) and of the image, its dissimilarity from its segment, the logarithm
of the length of its embedding (plain surfaces have long ones), and that of its distance to the nearest point, in cells.
Fitted by `python -m training.novelty` to 2,700 prompts on 14 photographs; on one that it was not fitted to, it ranks
prompts with an AUROC of 0.85."""

UNPROMPTED, MIN_DISTANCE, MAX_DISTANCE = 2.0, 0.5, 16.0
"""Distance in embedding that stands for a segment without a prompt; distances in cells up to which a point is on a
cell, and from which on it is far."""

MIN_NOVELTY_LOGIT = -1.1
"""Logit of that probability below which no further prompt is worth its time."""

CENTRE_SHARE = 0.3
"""Largest share of a round's points that are the centres of regions between edges that no mask matches."""

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


class PointChooser:
    """Chooses points where prompts find something that no mask shows yet.

    Each cell has a probability that a prompt on it finds a new mask. It is high where the cell looks unlike the segment
    in which it lies, and unlike the cells of that segment that were prompted before.

    Parameters
    ----------
    image : uint8 RGB [H, W, 3]
    features : its embedding, float32 [D, rows, columns]

    """

    def __init__(self, image: np.ndarray, features: np.ndarray):
        self._shape = features.shape[1:]
        self._appearance = _cell_features(features)
        self._log_length = np.log(np.linalg.norm(features, axis=0).ravel() + 0.1)
        self._centres = np.stack(np.meshgrid(*map(np.arange, self._shape[::-1])), axis=-1).reshape(-1, 2) + 0.5
        self._regions = EdgeRegions(image, *self._shape)
        # Of each cell to each point so far, in embedding and in position.
        self._difference = np.zeros((len(self._centres), 0), np.float32)
        self._distance = np.zeros((len(self._centres), 0), np.float32)
        self.points = np.zeros((0, 2))

    def add(self, points: np.ndarray) -> None:
        """Remember points that are prompted, float64 [P, 2], xy in cells."""
        cells = self.cells_of(points)
        self._difference = np.hstack([self._difference, _distances(self._appearance, self._appearance[cells])])
        self._distance = np.hstack([self._distance, _distances(self._centres, points)])
        self.points = np.concatenate([self.points, points])

    def choose(self, masks: np.ndarray, coarse: np.ndarray, max_points: int) -> np.ndarray:
        """Return points for the next prompts, and remember them.

        Parameters
        ----------
        masks : so far, bool [N, 4 * rows, 4 * columns] or a little less: the size of the logits
        coarse : the same at the size of the cells, bool [N, rows, columns]
        max_points : at least 1

        Returns
        -------
        float64 [P, 2], xy in cells; none where no cell is likely to show something new.

        """
        segments = _segments(coarse)
        dissimilarity = _dissimilarity(self._appearance, segments, self._shape)
        chosen: list[np.ndarray] = []
        for centre in self._regions.unexplained_centres(masks, dissimilarity):
            if len(chosen) >= CENTRE_SHARE * max_points:
                break
            if (np.linalg.norm(np.array([*self.points, *chosen]) - centre, axis=1) > 1).all():
                chosen.append(centre)
        self.add(np.array(chosen).reshape(-1, 2))
        likely = self._likely_points(segments, dissimilarity.ravel(), max_points - len(chosen))
        self.add(likely)
        # Centres alone are no reason for another round: texture is full of regions between edges.
        return np.concatenate([np.array(chosen).reshape(-1, 2), likely]) if len(likely) else likely

    def factors(self, coarse: np.ndarray) -> np.ndarray:
        """Return what the probability of each cell depends on, float64 [cells, 5], as `NOVELTY_WEIGHTS` orders it.

        `coarse` are the masks so far, bool [N, rows, columns] of cells.
        """
        segments = _segments(coarse)
        return self._factors(segments, _dissimilarity(self._appearance, segments, self._shape))

    def _factors(self, segments: np.ndarray, dissimilarity: np.ndarray) -> np.ndarray:
        same = segments[:, None] == segments[self.cells_of(self.points)]
        return np.stack([np.where(same, self._difference, UNPROMPTED).min(axis=1), self._difference.min(axis=1),
                         dissimilarity.ravel(), self._log_length, _log_distance(self._distance.min(axis=1))], axis=1)

    def _likely_points(self, segments: np.ndarray, dissimilarity: np.ndarray, max_points: int) -> np.ndarray:
        """Return the points, float64 [P, 2], that are most likely to find a new mask, each given those before it."""
        *weights, bias = NOVELTY_WEIGHTS.values()
        factors, distance = self._factors(segments, dissimilarity), self._distance.min(axis=1)
        chosen: list[int] = []
        while len(chosen) < max_points:
            logit = np.where(distance < 1, -np.inf, factors @ weights + bias)
            best = int(logit.argmax())
            if logit[best] < MIN_NOVELTY_LOGIT:
                break
            chosen.append(best)
            difference = _distances(self._appearance, self._appearance[best][None])[:, 0]
            distance = np.minimum(distance, np.linalg.norm(self._centres - self._centres[best], axis=1))
            same = segments == segments[best]
            factors[same, 0] = np.minimum(factors[same, 0], difference[same])
            factors[:, 1] = np.minimum(factors[:, 1], difference)
            factors[:, 4] = _log_distance(distance)
        points: np.ndarray = self._centres[chosen]
        return points

    def cells_of(self, points: np.ndarray) -> np.ndarray:
        """Return the index, int [P], of the cell in which each point lies."""
        rows, columns = self._shape
        x, y = np.clip(points.astype(int), 0, (columns - 1, rows - 1)).T
        index: np.ndarray = y * columns + x
        return index


def _log_distance(distance: np.ndarray) -> np.ndarray:
    """Return the logarithm of distances to points, in cells; far is far, and on a point is on a point."""
    logarithm: np.ndarray = np.log(np.clip(distance, MIN_DISTANCE, MAX_DISTANCE))
    return logarithm


def _segments(coarse: np.ndarray) -> np.ndarray:
    """Return the smallest mask of bool [N, rows, columns] that covers each cell, int [cells]; -1 where none does."""
    flat = coarse.reshape(len(coarse), coarse.shape[1] * coarse.shape[2])
    segments = np.full(flat.shape[1], -1)
    for index in np.argsort(-np.count_nonzero(flat, axis=1), kind="stable"):
        segments[flat[index]] = index
    return segments


def _dissimilarity(appearance: np.ndarray, segments: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the distance of each cell to the mean of the segment in which it lies, float32 [rows, columns].

    An object that was missed lies in a segment whose other cells look different, as a cup does on the mask of a table.
    """
    dissimilarity = np.zeros(len(segments), np.float32)
    for index in np.unique(segments):
        inside = segments == index
        dissimilarity[inside] = np.linalg.norm(appearance[inside] - appearance[inside].mean(axis=0), axis=1)
    # A cell on a border differs from both sides; the centre of a small object differs from all sides.
    return cv2.blur(dissimilarity.reshape(shape), (3, 3), borderType=cv2.BORDER_REFLECT)


class EdgeRegions:
    """The regions of an image that edges enclose: a ball in a bowl, a spoon in a cup.

    Parameters
    ----------
    image : uint8 RGB [H, W, 3]
    rows, columns : of cells

    """

    def __init__(self, image: np.ndarray, rows: int, columns: int):
        height, width = LOGITS_PER_CELL * rows, LOGITS_PER_CELL * columns
        edges = _edges(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))
        # Diagonal edges have no gaps with 4 neighbours: regions that touch at a corner are two.
        _, regions, stats, _ = cv2.connectedComponentsWithStats(255 - edges, connectivity=4)
        area = stats[:, cv2.CC_STAT_AREA]
        self._is_candidate = (area >= MIN_REGION_LOGITS) & (area <= MAX_REGION_SHARE * height * width)
        self._is_candidate[0] = False  # Label 0 is the edges themselves.
        self._with_borders = np.where(edges, cv2.dilate(regions.astype(np.float32), np.ones((3, 3))), regions)
        border_distance = cv2.distanceTransform(255 - edges, cv2.DIST_L2, 3)
        farthest_first = np.argsort(-border_distance, axis=None, kind="stable")
        self._labels, first = np.unique(regions.ravel()[farthest_first], return_index=True)
        self._y, self._x = np.unravel_index(farthest_first[first], border_distance.shape)
        self._width = np.minimum(border_distance[self._y, self._x], MAX_BORDER_DISTANCE)
        # Of each region with the masks that were given before, which only grow in number.
        self._best_iou = np.zeros(len(stats))
        self._compared = 0

    def unexplained_centres(self, masks: np.ndarray, dissimilarity: np.ndarray) -> np.ndarray:
        """Return the centres, float64 [P, 2], xy in cells, of regions that no mask matches.

        Regions that differ most from their segment, and wide ones, come first.

        Parameters
        ----------
        masks : those of the call before, and new ones, bool [N, h, w] at the size of the logits
        dissimilarity : of each cell to its segment, float32 [rows, columns]

        """
        if len(masks) > self._compared:
            iou = _best_iou(self._with_borders[:masks.shape[1], :masks.shape[2]], masks[self._compared:])
            self._best_iou[:len(iou)] = np.maximum(self._best_iou[:len(iou)], iou)
            self._compared = len(masks)
        chosen = (self._is_candidate & (self._best_iou <= MAX_UNEXPLAINED_IOU))[self._labels]
        x, y = self._x[chosen], self._y[chosen]
        priority = dissimilarity[y // LOGITS_PER_CELL, x // LOGITS_PER_CELL] * self._width[chosen]
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


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the Euclidean distances, float32 [N, M], of rows [N, D] and [M, D]."""
    squares = (a ** 2).sum(axis=1)[:, None] + (b ** 2).sum(axis=1) - 2 * a @ b.T
    distances: np.ndarray = np.sqrt(np.maximum(squares, 0)).astype(np.float32)
    return distances
