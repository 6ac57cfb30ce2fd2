"""Every tuned constant of grounding, with what it means.

The constants of regions, relations and rankings were set by hand on validation scenes of the simulated tabletop and
checked, kind by kind, with

    ris eval sim --split validation --scenes 40 --per-kind 0 --no-proposals --kind KIND

where the column "reasoning alone" judges them without any model. Those of parts, groups and distinct objects were set
with the same command and proposals, in the columns "right choice" and "Pr@0.5".

Positions and sizes "of the image" are shares of its width or height. Positions on the ground are in metres with depth;
without, in heights of the camera above the ground.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class SoftThreshold(NamedTuple):
    """A logistic step: 0.5 at `at`, 0.27 and 0.73 at one `width` to each side of it."""

    at: float
    width: float

    def above(self, value: np.ndarray) -> np.ndarray:
        """Return how certainly `value` is above the threshold, float64 in 0..1; 0.5 for NaN."""
        return np.nan_to_num(1 / (1 + np.exp(-np.clip((value - self.at) / self.width, -40, 40))), nan=0.5)

    def below(self, value: np.ndarray) -> np.ndarray:
        """Return how certainly `value` is below the threshold, float64 in 0..1."""
        return 1 - self.above(value)


# Regions of the image: centroid of the mask. Kinds "place" and "command".
REGION_WIDTH = 0.035
REGION_EDGES = {side: SoftThreshold(at, REGION_WIDTH) for side, at in (
    ("left", 0.44), ("right", 0.56), ("top", 0.42), ("bottom", 0.58))}
"""Where a region begins."""
FAR_REGION_EDGES = {side: SoftThreshold(at, REGION_WIDTH) for side, at in (
    ("left", 0.29), ("right", 0.71), ("top", 0.39), ("bottom", 0.61))}
"""The same for "far left" and for corners, which are narrower."""
EXTREME_PREFERENCE = 0.15
"""Among objects within a region, the preference for those farther out: "on the left" means the leftmost of them."""
MIDDLE_WIDTH, MIDDLE_HEIGHT = SoftThreshold(0.12, 0.03), SoftThreshold(0.14, 0.03)
"""Distance of the centroid from the middle of the image, along each axis."""
MIDDLE_OF_WIDTH_ALONE = 0.2
"""Share that counts where only the width fits: people mean the middle of the width more often than that of both."""

# Rankings: the difference of the ranked value that begins to count. Kinds "extreme" and "ordinal".
RANK_STEPS = {
    "left": SoftThreshold(0.0, 0.006), "right": SoftThreshold(0.0, 0.006),      # centroid, share of the width
    "top": SoftThreshold(0.0, 0.006), "bottom": SoftThreshold(0.0, 0.006),      # centroid, share of the height
    "near": SoftThreshold(0.0, 0.01), "far": SoftThreshold(0.0, 0.01),          # log of the distance
    "large": SoftThreshold(0.0, 0.03), "small": SoftThreshold(0.0, 0.03),       # log of the area
    "tall": SoftThreshold(0.0, 0.03), "short": SoftThreshold(0.0, 0.03),        # log of the height
    "wide": SoftThreshold(0.0, 0.03), "narrow": SoftThreshold(0.0, 0.03)}       # log of the width
ONLY_MEMBER = 0.2
"""Weight of an object that would be first only because it is the only one: "the leftmost cup" implies several cups."""

# Relations. Kinds "relation" and "between".
IMAGE_GAP = 0.02
"""Minimum offset in the image for "left of" and "above"."""
DEPTH_GAP, FLAT_GROUND_GAP = 0.02, 0.03
"""Minimum offset along the ground for "behind", with and without depth."""
IMAGE_ASPECT = 0.75
"""Height by width of an ordinary image, to compare shares of both."""
DIRECTION_SLOPE = 0.75
"""Sideways share of an offset at which a direction no longer holds; beyond about 45 degrees."""
NEXT_TO_GAP, NEAR_GAP, FAR_GAP = 0.8, 1.6, 3.0
"""Largest gap between two objects for "next to" and "near", and the least for "far from", in their mean sizes."""
GAP_WIDTH = 0.12
NEARER_PREFERENCE = 0.15
"""Among objects that are near, the preference for nearer ones."""
BETWEEN_START, BETWEEN_END = SoftThreshold(0.1, 0.03), SoftThreshold(0.9, 0.03)
"""Position along the line from one landmark to the other, as a share of its length."""
BETWEEN_OFFSET = SoftThreshold(0.3, 0.04)
"""Distance from that line, as a share of its length."""
MAX_PAIRS = 64
"""Most probable pairs of landmarks considered for "between"."""
ON_LOWEST, ON_HIGHEST = SoftThreshold(-0.012, 0.003), SoftThreshold(0.04, 0.005)
"""Height of an object's base over the top of what it is on, metres."""
ON_CONTACT = SoftThreshold(0.55, 0.06)
"""Without depth: share of its lower edge that borders what it is on."""
IN_BELOW_RIM, IN_ABOVE_BASE = SoftThreshold(0.004, 0.003), SoftThreshold(-0.006, 0.002)
"""Height of the base of what is in a container over the container's rim and over its base, metres."""
IN_FOOTPRINT = SoftThreshold(0.8, 0.08)
"""Footprint of what is in a container, as a share of the container's."""
IN_CONTACT = SoftThreshold(0.3, 0.04)
"""Without depth: share of its lower edge that borders the container."""
IN_RIM_BEHIND = SoftThreshold(0.045, 0.012)
"""Without depth: share of the container's lower edge that borders it, as the rim shows behind it."""
IN_ENCLOSED = SoftThreshold(0.6, 0.06)
"""Without depth: share of its mask that lies in the container's."""
OVER_CENTRE, OVER_ABOVE, OVER_OVERLAP = (
    SoftThreshold(0.62, 0.04), SoftThreshold(-0.02, 0.008), SoftThreshold(0.2, 0.04))
"""Without depth, for an object over another: sideways offset in widths, height difference in the image, and how far
down its base reaches into the other, in heights of the other."""
OUTLINE_MARGIN = 0.15
OUTLINE_EDGE = SoftThreshold(0.0, 0.006)
"""With depth: how far the centre of what is over another may lie beyond its outline, as a share of its size, metres."""
TOUCHING_BORDER, TOUCHING_GAP = SoftThreshold(0.04, 0.01), SoftThreshold(0.4, 0.1)
"""Shared share of the outline, and the gap in mean sizes, of objects that touch."""

# Masks against each other.
SAME_MASK = 0.8
"""Share of the larger of two masks in the other from which they are one mask but for its edge."""
NESTED_MASK, EQUAL_MASK = 0.6, 0.5
"""Share of the smaller, or of the larger, of two masks in the other from which they can show the same object."""
SAME_NAME, SAME_COLOUR = 0.1, 0.5
"""Similarity of names, or of colours, from which nested masks show the same object."""
CERTAIN_NAME = 0.99
"""Probability of a name from which a mask of the same colour is an object of its own all the same."""
PART_INSIDE, PART_AREA = 0.85, 1.1
"""Share of a mask inside a larger one of its name, and their ratio of areas, from which it is only a part."""
WHOLE_INSIDE, WHOLE_AREA = 0.8, 1.15
"""The same for the prompt "part of an object", which needs a whole of any name."""
GROUP_APART = 0.3
"""Share of the smaller of two masks in the other below which they are apart, for the prompt "several objects"."""
MEMBER_AREA = 0.04, 0.9
"""Area of a member of a group, as a share of the group's."""
MISSED_BY_PROPOSALS = 0.02
"""Probability of a part without a visible whole, or of a group without visible members: proposals miss some masks."""

# Without depth the image is taken for a floor or table seen from above by an ordinary camera.
FIELD_OF_VIEW = np.radians(60)
"""Across the longer side of the image, radians."""
PITCH = np.radians(35)
"""Of the camera below the horizon, radians."""

# Extents of objects.
MAX_EXTENT_POINTS = 1000
"""Points from which the extent of an object is measured."""
STRAY_POINTS = 0.04
"""Share of them, at each end, that may be stray."""
COMPARED_SIDE = 192
"""Longer side, in pixels, of the copies on which masks are compared with each other."""

# Decisions.
CLOSE_SCORE = 0.05
"""Candidates within this of the best score are named as an ambiguity."""
UNSURE = 0.5
"""Confidence below which an answer of an encoder that is not calibrated comes with a note."""
EARLY_CONFIDENCE, EARLY_MARGIN = 0.9, 0.6
"""Confidence from which an answer among the masks of the first prompts is sure, and the least difference of score, for
each object that the query names, from the next one. Set on 12 validation scenes, from number 700 on."""
MEMBER_SCORE = 0.5
"""Score from which an object is one of "all the cups"."""
SEARCH_BELOW, MIN_PATCH_PROBABILITY = 0.5, 0.2
"""A description is searched for when no proposal matches it with the first probability, at patches that match it with
the second."""
SEARCH_REGIONS, REGION_PROBABILITY = 2, 0.5
"""Boxes around adjoining matching patches that a search begins with, and the share of the best patch's probability from
which on a patch belongs to one."""
REGION_INSETS = 0.0, 0.5
"""Patches by which the sides of such a box are moved inwards; each makes a prompt."""
SEARCH_ROUND = 8
"""Points of each round of a search."""
SEARCH_GRID, SEARCH_DISTANCE = 48, 1.0
"""Places along the longer side of the image that its points are chosen from, and the distance between them, in patches,
from which on one does not make another less useful."""

# Names that a description is contrasted with (`vocabulary`), and words that nothing is known of (`guesses`).
RIVALS_WEIGH = 85.0
"""Equally likely names that the whole vocabulary weighs as much as: as many as a bank of common kinds of objects has.
Each of thousands of rivals with full weight would add up to more than the name that is asked for, and synonyms that the
vocabulary misses would take most of its probability."""
FREQUENCY_EXPONENT = 0.5
"""Power of a name's frequency that it is weighed with: 0 for equal weights, 1 for those of its use in texts."""
SAME_FEATURE_DECIMALS = 3
"""Decimals to which the text features of names that a model cannot tell apart are equal."""
MEAN_RIVALS_SHARE = 0.2
"""Share of the rivals' mean over all masks in what a name is contrasted with, in calibrations without labels: with 0,
weak encoders name fewer categories than the published method, with 1, all masks have the same rivals."""
FAMILIAR_OBJECTS, MAX_MISSING_LOGIT = 1.0, 3.0
"""Where the objects of an image look less familiar than those that a calibration was fitted to, the logit of what is
asked for is raised by what theirs lack: as if this many familiar ones were in the image too, and at most by this."""
SAME_SCORES = 0.8
"""Correlation of the scores of two names over many masks from which a model does not contrast them."""
SAME_TEXT = 0.999
"""Cosine of two text features from which a model does not tell the texts apart."""
MAX_GUESS = 0.5
"""Largest confidence of an answer to words of which nothing is known, or of which some were not read."""
MAX_NOTED = 40
"""Characters of such words that a note repeats."""

# Detections of noun phrases (`detector_scores`), with `ris eval sim --detector truth --split validation`.
NOT_DETECTED = -2.0
"""Log-odds, beside the vision-language model, of a proposal that the detector found nothing at: it misses some."""
DETECTION_EVIDENCE = -2.0, 4.0
"""Least and most log-odds that a detection counts for."""
COLOUR_EVIDENCE = -3.0, 1.0
"""The same for the colour of the pixels, which light and patterns change."""
MIN_DETECTED_CONFIDENCE = 0.5
"""Confidence from which a target counts as present where a detector judges alone."""
ASSIGNED_IOU = 0.5
"""IoU of a detection with a given mask from which it is that object."""
