"""The dataclasses that flow between the packages of ris_ros.

Images are RGB uint8 [H, W, 3]; masks are bool [H, W]; boxes are (x1, y1, x2, y2) in pixels, where x2 and y2
are exclusive, so that ``mask[y1:y2, x1:x2]`` holds every pixel of the mask.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from ris_ros.errors import InputError
from ris_ros.utils.masks import mask_box, mask_iou


@dataclass(frozen=True, eq=False)
class Proposals:
    """Class-agnostic masks of one image.

    Attributes
    ----------
    masks : bool [N, H, W]
    boxes : float32 [N, 4], xyxy pixels, exclusive at x2 and y2
    quality : float32 [N], the proposer's own estimate of each mask's IoU, 0..1

    """

    masks: np.ndarray
    boxes: np.ndarray
    quality: np.ndarray

    def __len__(self) -> int:
        return len(self.masks)

    @classmethod
    def from_masks(cls, masks: np.ndarray, quality: np.ndarray | None = None) -> Proposals:
        """Make proposals of masks, bool [N, H, W]; each has quality 1 where none is given.

        An empty mask gets the box (0, 0, 0, 0).

        Raises
        ------
        InputError
            When `masks` is not a bool array of three dimensions.

        """
        if masks.ndim != 3 or masks.dtype != np.bool_:
            raise InputError(f"masks must be bool [N, H, W], not {masks.dtype} {list(masks.shape)}")
        boxes = np.stack([mask_box(mask) for mask in masks]) if len(masks) else np.zeros((0, 4))
        quality = np.ones(len(masks)) if quality is None else quality
        return cls(masks, boxes.astype(np.float32), np.asarray(quality, np.float32))

    def extended(self, more: Proposals) -> Proposals:
        """Return these proposals followed by `more` of the same image."""
        return Proposals(np.concatenate([self.masks, more.masks]), np.concatenate([self.boxes, more.boxes]),
                         np.concatenate([self.quality, more.quality]))

    def new_to(self, others: Proposals, max_iou: float) -> Proposals:
        """Return those whose IoU with each of `others`, of the same image, is at most `max_iou`."""
        areas, other_areas = (masks.sum(axis=(1, 2)) for masks in (self.masks, others.masks))
        # No IoU exceeds the ratio of the areas: most pairs need no comparison of pixels.
        ratio = np.minimum(areas[:, None], other_areas) / np.maximum(np.maximum(areas[:, None], other_areas), 1)
        return self.take([i for i, mask in enumerate(self.masks) if all(
            mask_iou(mask, others.masks[j]) <= max_iou for j in np.flatnonzero(ratio[i] > max_iou))])

    def take(self, rows: list[int]) -> Proposals:
        """Return some of the proposals."""
        return Proposals(self.masks[rows], self.boxes[rows], self.quality[rows])


@dataclass(frozen=True, eq=False)
class Detections:
    """What a phrase detector finds in one image for one phrase, best first.

    Attributes
    ----------
    boxes : float32 [M, 4], xyxy pixels, within the image
    scores : float32 [M], 0..1, of the detector itself
    masks : bool [M, H, W]; None where the detector gives boxes alone

    """

    boxes: np.ndarray
    scores: np.ndarray
    masks: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True, eq=False)
class CameraModel:
    """Pinhole model and lens distortion of a camera.

    Attributes
    ----------
    intrinsics : float64 [3, 3], the camera matrix K in pixels
    distortion : coefficients, as OpenCV and ``sensor_msgs/CameraInfo`` order them; empty: none
    model : "plumb_bob", "rational_polynomial" or "equidistant", as in ``sensor_msgs/CameraInfo``

    """

    intrinsics: np.ndarray
    distortion: tuple[float, ...] = ()
    model: str = "plumb_bob"


@dataclass(frozen=True, eq=False)
class Depth:
    """The depth of each pixel of an image.

    Attributes
    ----------
    metres : float32 [H, W] along the optical axis, registered to the image; 0 or NaN where unknown
    camera : the model of the camera that took both

    """

    metres: np.ndarray
    camera: CameraModel


REGIONS = ("left", "right", "far left", "far right", "top", "bottom", "middle", "top left", "top right", "bottom left",
           "bottom right", "corner", "top left corner", "top right corner", "bottom left corner",
           "bottom right corner", "front", "back")
"""Regions of the image that an object can be in; front and back are towards and away from the camera."""

RANKINGS = ("left", "right", "top", "bottom", "near", "far", "large", "small", "tall", "short", "wide", "narrow")
"""Criteria that objects are ranked by: "left" puts the leftmost first, "near" the closest."""

RELATIONS = ("left of", "right of", "above", "below", "on", "in", "under", "in front of", "behind", "next to", "near",
             "far from", "between", "touching", "same colour", "different colour")
"""Relations of one object to another."""

DEPTH_DEPENDENT = frozenset({
    "front", "back", "near", "far", "large", "small", "tall", "short", "wide", "narrow", "on", "in", "under",
    "in front of", "behind", "next to", "far from", "between", "touching"})
"""Regions, rankings and relations that are measured in 3-D where there is depth, and estimated from the image
otherwise. The others are the same with and without depth."""

JUDGED_WITHOUT_DEPTH = "judged by the picture alone"
"""In the note of an answer that could have been another one if its image had had depth."""


@dataclass(frozen=True)
class Ranking:
    """The rank that a description asks for among the objects that fit it otherwise.

    Attributes
    ----------
    name : one of RANKINGS
    rank : 1 for the first, -1 for the last

    """

    name: str
    rank: int = 1


@dataclass(frozen=True)
class Relation:
    """A relation of the described object to others.

    Attributes
    ----------
    name : one of RELATIONS
    landmarks : one description; for "between" two, or one of several objects ("between the two books")

    """

    name: str
    landmarks: tuple[Description, ...]


@dataclass(frozen=True)
class Description:
    """The conditions that an expression states for an object, or for several; an object must meet all of them.

    A ranking is applied last: it selects one of the objects that meet all other conditions.

    Attributes
    ----------
    phrase : the noun phrase as it stands in the text, lower-cased: "the second red cup"
    head : lemma of its noun, "cup"; empty when there is none ("the red one", "the thing" keep "one", "thing")
    appearance : the part that a vision-language model can judge: the noun with its attributes, clothes, parts and
        actions, without article, region, ranking, relation and negation: "red cup", "man in a blue shirt holding a cup"
    attributes : the adjectives and noun modifiers among them: ("red",)
    region : one of REGIONS, or empty
    ranking : the rank it must have; None for any
    relations : to landmarks
    excluded : descriptions that it must not meet; one without a noun ("not red") carries the head of this one
    count : how many objects are meant; 0 for all there are

    """

    phrase: str
    head: str = ""
    appearance: str = ""
    attributes: tuple[str, ...] = ()
    region: str = ""
    ranking: Ranking | None = None
    relations: tuple[Relation, ...] = ()
    excluded: tuple[Description, ...] = ()
    count: int = 1


@dataclass(frozen=True)
class Query:
    """A parsed expression.

    Attributes
    ----------
    text : the original expression
    sentence : the text that is encoded as a whole: lower-cased, white space folded
    targets : descriptions of the targets; several for "the cup and the bowl"
    doubt : a word of which it is doubtful what it says about the target; empty if none is

    """

    text: str
    sentence: str
    targets: tuple[Description, ...]
    doubt: str = ""

    def descriptions(self, *, with_excluded: bool = False) -> Iterator[Description]:
        """Yield the targets and everything that they are related to, targets first; on demand what is excluded, too."""
        waiting = deque(self.targets)
        while waiting:
            description = waiting.popleft()
            yield description
            waiting.extend(description.excluded if with_excluded else ())
            waiting.extend(landmark for relation in description.relations for landmark in relation.landmarks)

    def depth_dependent(self) -> list[str]:
        """Return the regions, rankings and relations among DEPTH_DEPENDENT that the expression states, each once."""
        names: list[str] = []
        for description in self.descriptions(with_excluded=True):
            ranking = [description.ranking.name] if description.ranking is not None else []
            names += [description.region, *ranking, *(relation.name for relation in description.relations)]
        return [name for name in dict.fromkeys(names) if name in DEPTH_DEPENDENT]

    @property
    def target(self) -> Description:
        """Return the first target."""
        return self.targets[0]

    @property
    def target_phrase(self) -> str:
        """Return the noun phrase that names the target, lower-cased."""
        return self.target.phrase

    @property
    def head(self) -> str:
        """Return the lemma of the target's head noun; empty when the expression names none."""
        return self.target.head


@dataclass(frozen=True, eq=False)
class Candidate:
    """One proposal, ranked for a query.

    Attributes
    ----------
    index : its row in the Proposals
    mask : bool [H, W]
    box : float32 [4], xyxy pixels
    score : 0..1; with `method: full` the product of its terms; with `method: reference` its softmax probability among
        all proposals of the image
    terms : every term of the score by name, for explanations

    """

    index: int
    mask: np.ndarray
    box: np.ndarray
    score: float
    terms: dict[str, float]


@dataclass(frozen=True, eq=False)
class Result:
    """The answer to one query on one image.

    Attributes
    ----------
    found : whether the target is in the image
    mask : bool [H, W]; all False when not found
    box : float32 [4], xyxy pixels; zeros when not found
    score : 0..1, of the chosen candidate; of several the lowest
    confidence : 0..1, the probability that the target is in the image and is this object
    candidates : ranked, best first
    query : the parsed expression
    timings : seconds by stage; a stage whose output was cached is absent
    reason : why nothing was found; empty when found
    instances : the candidates that make up the mask: one, or for "both cups", "all the cans" several
    note : a remark on the answer, such as that another candidate fits as well
    calibrated : whether the confidence was fitted to images of the user's; if not, it is an estimate
    early : whether only the masks of the first prompts were compared, see ``proposals.early_prompts``

    """

    found: bool
    mask: np.ndarray
    box: np.ndarray
    score: float
    confidence: float
    candidates: list[Candidate]
    query: Query
    timings: dict[str, float] = field(default_factory=dict)
    reason: str = ""
    instances: list[Candidate] = field(default_factory=list)
    note: str = ""
    calibrated: bool = False
    early: bool = False

    @classmethod
    def nothing(cls, query: Query, shape: tuple[int, int], reason: str, confidence: float = 0.0,
                candidates: list[Candidate] | None = None, note: str = "") -> Result:
        """Return the answer that the target is not in an image of `shape` (height, width)."""
        return cls(found=False, mask=np.zeros(shape, bool), box=np.zeros(4, np.float32), score=0.0,
                   confidence=confidence, candidates=candidates or [], query=query, reason=reason, note=note)

    def noting(self, note: str) -> Result:
        """Return the result with a further note, unless that is empty."""
        return replace(self, note="; ".join(filter(None, (self.note, note))))

    def noting_missing_depth(self, reason: str, *, is_judged: bool) -> Result:
        """Return the result with a note of what it lacks for want of depth, if it lacks anything.

        Parameters
        ----------
        reason : why the image has no depth; empty if it has, or if none was expected
        is_judged : whether the regions, rankings and relations of the expression were judged on this image

        """
        names = ", ".join(map(repr, self.query.depth_dependent())) if is_judged else ""
        lacks = [*["not located in 3-D"] * self.found, *[f"{names} {JUDGED_WITHOUT_DEPTH}"] * bool(names)]
        return self.noting(f"without depth ({reason}): {' and '.join(lacks)}") if reason and lacks else self


def check_image(image: np.ndarray) -> None:
    """Raise an InputError unless `image` is uint8 [H, W, 3] with at least one pixel."""
    if not isinstance(image, np.ndarray):
        raise InputError(f"an image must be a uint8 RGB array [H, W, 3], not {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise InputError(f"an image must be uint8 RGB [H, W, 3], not {image.dtype} {list(image.shape)}")
