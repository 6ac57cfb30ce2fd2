"""Masks for everything in an image by asking SAM at a few well-chosen points, whatever the flavour of SAM."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np

from ris_ros.config import ProposalsConfig
from ris_ros.device import Batches
from ris_ros.proposals import filters
from ris_ros.proposals.frame import Frame
from ris_ros.types import Proposals, check_image

CELL = 16
"""Input pixels an embedding cell stands for, along each side."""
SPREAD = 3.0
"""How much the width of the input counts beside the chord between two embeddings when points are spread: at 0
one textured region takes all points, at 10 they form a grid. Chosen for the recall of objects on
photographs and tabletops."""
FIRST_SHARE = 2 / 3
"""Share of the prompts that are spread by look; the rest goes to what their masks do not explain."""
NOVELTY = 0.75
"""Where no cell is farther than this from every point asked, the rest of the image is more of the same."""
APART = 1.75
"""Cells between two points of the second round, and from those of the first."""
EDGE = 50, 150
"""Canny's lower and upper threshold on each channel of CIELAB at the logits' size."""
REGION = 10, 0.3
"""Least logits, and most as a share of all, of a region between edges that may be a thing."""
SHOWN = 0.55
"""Least IoU of a region and a mask that shows it."""
DEEP = 6.0
"""Logits between a region's middle and its rim above which it is no better a place to ask."""


class Network(Protocol):
    """What a SAM must offer to be prompted."""

    batch_size: int
    notes: list[str]
    """What does not run as it was asked for."""

    def encode(self, image: np.ndarray) -> np.ndarray:
        """The embedding float32 [1, D, 64, 64] of uint8 RGB [h, w, 3] whose longer side is 1024."""

    def decode(self, embedding: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Logits float32 [P, 3, 256, 256] and predicted IoU float32 [P, 3] for points [P, 2], xy input pixels."""

    def decode_object(self, embedding: np.ndarray, points: np.ndarray, labels: np.ndarray, box: np.ndarray
                      ) -> tuple[np.ndarray, np.ndarray]:
        """Logits float32 [4, 256, 256] and predicted IoU float32 [4] of what lies in a box, xyxy input pixels.

        The first mask is the one meant for several prompts at once, the others are those of `decode`. Points [P, 2]
        lie on the object where their label is 1, beside it where it is 0.
        """


@dataclass(frozen=True, eq=False)
class Embedded:
    """An image as the network's decoder sees it: one encoding for any number of questions."""

    embedding: np.ndarray
    frame: Frame


class PromptedProposer:
    """Image uint8 RGB [H, W, 3] -> Proposals, best first; `config` may be replaced between calls."""

    def __init__(self, network: Network, config: ProposalsConfig):
        self.network = network
        self.config = config
        self._batches = Batches(network.batch_size, "prompts")

    @property
    def notes(self) -> list[str]:
        """What does not run as it was asked for, for diagnostics."""
        return self.network.notes + [self._batches.note] * bool(self._batches.note)

    def embed(self, image: np.ndarray) -> Embedded:
        """Encode an image, uint8 RGB [H, W, 3], which is what takes a network most of its time."""
        check_image(image)
        frame = Frame(*image.shape[:2])
        return Embedded(self.network.encode(frame.resize(image)), frame)

    def object_in(self, embedded: Embedded, box: np.ndarray, points: np.ndarray, labels: np.ndarray) -> Proposals:
        """The answers, at most four and none empty, to one question: what is in a box, xyxy image pixels.

        Points [P, 2], xy image pixels, lie on it where their label is 1 and beside it where it is 0.
        """
        frame = embedded.frame
        logits, quality = self.network.decode_object(
            embedded.embedding, points * frame.scale, labels, box * np.tile(frame.scale, 2))
        rows, columns = frame.logit_shape
        masks = frame.masks(logits[:, :rows, :columns])
        seen = masks.any(axis=(1, 2))
        return Proposals.from_masks(masks[seen], np.minimum(quality[seen], 1))

    def __call__(self, image: np.ndarray, points: np.ndarray | None = None, *, embedded: Embedded | None = None
                 ) -> Proposals:
        """Masks of everything in the image, or of what lies at given points [P, 2], xy image pixels.

        An image that was embedded before is not encoded again.

        Raises
        ------
        InputError
            When the image is not uint8 [H, W, 3].

        """
        embedded = embedded or self.embed(image)
        embedding, frame = embedded.embedding, embedded.frame
        if points is not None:
            kept = self._ask(points * frame.scale, embedding, frame)
        else:
            cells = embedding[0, :, :-(-frame.size[1] // CELL), :-(-frame.size[0] // CELL)]
            points = spread_points(cells, round(FIRST_SHARE * self.config.max_prompts))
            kept = self._ask(CELL * points, embedding, frame)
            more = unexplained_points(image, cells, self._distinct(kept, frame)[0] > 0, points,
                                      self.config.max_prompts - len(points))
            kept += self._ask(CELL * more, embedding, frame)
        logits, quality = self._with_remainders(*self._distinct(kept, frame), frame)
        masks = frame.masks(logits)
        # What is thin may be smaller at full size; a mask smaller than a pixel of a very small image has none.
        large = np.count_nonzero(masks, axis=(1, 2)) >= max(self.config.min_area * frame.height * frame.width, 1)
        return Proposals.from_masks(masks if large.all() else masks[large], quality[large])

    def _ask(self, points: np.ndarray, embedding: np.ndarray, frame: Frame) -> list[tuple[np.ndarray, float, float]]:
        """Logits float32 [rows, columns], predicted IoU and stability of the masks worth keeping at input points."""
        rows, columns = frame.logit_shape
        smallest = self._smallest(frame)
        # The last cell may reach into the padding.
        points = np.minimum(points, np.array(frame.size) - 0.5)

        def ask(batch: np.ndarray) -> list[tuple[np.ndarray, float, float]]:
            logits, quality = self.network.decode(embedding, batch)
            logits, quality = logits[..., :rows, :columns].reshape(-1, rows, columns), quality.ravel()
            stability = filters.stability(logits)
            area = np.count_nonzero(logits > 0, axis=(1, 2))
            good = (quality >= self.config.min_quality) & (stability >= self.config.min_stability)
            good &= area >= max(smallest, 1)
            return [(filters.tidy(logits[i], smallest), quality[i], stability[i]) for i in np.flatnonzero(good)]

        return [mask for masks in self._batches.map(ask, points) for mask in masks]

    def _distinct(self, kept: list[tuple[np.ndarray, float, float]], frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        """Logits float32 [N, rows, columns] and predicted IoU float32 [N] without duplicates, best first."""
        if not kept:
            return np.zeros((0, *frame.logit_shape), np.float32), np.zeros(0, np.float32)
        logits, quality, stability = (np.stack(values) for values in zip(*kept, strict=True))
        best = filters.distinct(logits > 0, quality * stability, self.config.duplicate_iou)
        return logits[best], np.minimum(quality[best], 1)

    def _with_remainders(self, logits: np.ndarray, quality: np.ndarray, frame: Frame) -> tuple[np.ndarray, np.ndarray]:
        """These masks and, after them, what is left of some without others, where no mask shows that yet."""
        rest, whole = filters.remainders(logits, max(self._smallest(frame), 1))
        logits, quality = np.concatenate([logits, rest]), np.concatenate([quality, quality[whole]])
        kept = filters.distinct(logits > 0, -np.arange(len(logits)), self.config.duplicate_iou)
        return logits[kept], quality[kept]

    def _smallest(self, frame: Frame) -> float:
        rows, columns = frame.logit_shape
        return self.config.min_area * rows * columns


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
        if len(points) - len(asked) < most // 2 and (np.linalg.norm(points - middle, axis=1) > 1).all():
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
    lab = cv2.cvtColor(cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB)
    edges = np.max([cv2.Canny(channel, *EDGE) for channel in cv2.split(cv2.GaussianBlur(lab, (3, 3), 0))], axis=0)
    depth = cv2.distanceTransform(255 - edges, cv2.DIST_L2, 3)
    # Edges are thin lines that go through corners: regions that meet at one alone are two.
    count, regions, stats, _ = cv2.connectedComponentsWithStats(255 - edges, connectivity=4)
    grown = cv2.dilate(regions.astype(np.float32), np.ones((3, 3), np.uint8))
    grown = np.where(edges, grown, regions).ravel().astype(int)
    area = np.bincount(grown, minlength=count)
    shared = np.array([np.bincount(grown, mask.ravel(), count) for mask in masks]).reshape(len(masks), count)
    iou = shared / np.maximum(area + np.count_nonzero(masks, axis=(1, 2))[:, None] - shared, 1)
    free = (stats[:, cv2.CC_STAT_AREA] >= REGION[0]) & (stats[:, cv2.CC_STAT_AREA] <= REGION[1] * rows * columns)
    free &= iou.max(axis=0, initial=0) <= SHOWN
    free[0] = False  # the edges themselves
    deepest = np.argsort(-depth, axis=None, kind="stable")
    labels, first = np.unique(regions.ravel()[deepest], return_index=True)
    y, x = np.unravel_index(deepest[first[free[labels]]], depth.shape)
    order = np.argsort(-unlike[y // 4, x // 4] * np.minimum(depth[y, x], DEEP), kind="stable")
    return (np.stack([x, y], axis=1)[order] + 0.5) / 4


def _looks(features: np.ndarray) -> np.ndarray:
    """One row for each cell of an embedding float32 [D, rows, columns], of length 1 or less."""
    looks = features.reshape(len(features), -1).T
    # Featureless surfaces have short embeddings: lengthened to 1 their noise would count as novelty.
    return looks / np.maximum(np.linalg.norm(looks, axis=1, keepdims=True), 1)
