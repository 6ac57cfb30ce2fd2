"""The few dataclasses that flow between the rooms of ris_ros.

Images are RGB uint8 [H, W, 3]; masks are bool [H, W]; boxes are (x1, y1, x2, y2) in pixels, where x2 and y2
are exclusive, so that ``mask[y1:y2, x1:x2]`` holds every pixel of the mask.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ris_ros.errors import InputError


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
        """Boxes (and, where none is given, quality 1) for bool masks [N, H, W].

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


def mask_box(mask: np.ndarray) -> np.ndarray:
    """The tight box, int64 [4] xyxy with exclusive ends, of a bool mask [H, W]; zeros when it is empty."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return np.zeros(4, np.int64)
    columns = np.flatnonzero(mask[rows[0]:rows[-1] + 1].any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


@dataclass(frozen=True)
class Query:
    """What an expression asks for.

    Attributes
    ----------
    text : the expression as it was given
    sentence : the text that is encoded as a whole: lower-cased, white space folded
    target_phrase : the noun phrase that names the target, lower-cased
    head : lemma of the target's head noun; empty when the expression names none

    """

    text: str
    sentence: str
    target_phrase: str
    head: str = ""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One proposal as an answer to a query.

    Attributes
    ----------
    index : its row in the Proposals
    mask : bool [H, W]
    box : float32 [4], xyxy pixels
    score : 0..1, its probability among all proposals of the image
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
    score : 0..1, the chosen candidate's probability among the proposals
    confidence : 0..1, how sure the answer is that it is the one that was asked for
    candidates : ranked, best first
    query : the expression, understood
    timings : seconds by stage; a stage whose output was cached is absent
    reason : why nothing was found; empty when found

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


def check_image(image: np.ndarray) -> None:
    """Raise an InputError unless `image` is uint8 [H, W, 3] with at least one pixel."""
    if not isinstance(image, np.ndarray):
        raise InputError(f"an image must be a uint8 RGB array [H, W, 3], not {type(image).__name__}")
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        raise InputError(f"an image must be uint8 RGB [H, W, 3], not {image.dtype} {list(image.shape)}")


def check_text(text: str) -> None:
    """Raise an InputError unless `text` has a letter or a digit, of any script."""
    if not any(character.isalnum() for character in text):
        raise InputError(f"the text {text[:40]!r} names nothing: say what to find, such as 'the red cup'")
