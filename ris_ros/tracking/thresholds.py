"""Every tuned constant of tracking, with what it means.

They were set by hand on the validation sequences, for which `ris eval follow --validation` reports how often the target
is kept and how often another object takes its place.

The size of a target is the square root of its area. Sizes and distances in pixels are those of the reduced frame, see
:class:`~ris_ros.tracking.frames.FramePyramid`.
"""

from __future__ import annotations

MAX_SIDE_PIXELS = 640
"""Longer side of the reduced frame; larger images are reduced to it."""

# Motion by points.
TARGET_POINTS, BACKGROUND_POINTS = 60, 80
"""Points that are tracked on the target and around it."""
MIN_TARGET_POINTS, MIN_BACKGROUND_POINTS = TARGET_POINTS // 3, BACKGROUND_POINTS // 2
"""Points below which new ones are selected."""
PATCH_PIXELS, PYRAMID_LEVELS = 15, 3
"""Side of the patches that are compared, and halvings of the frame: points may move about 60 pixels a frame."""
CORNER_QUALITY = 0.005
"""Strength of the weakest corner that is tracked, as a share of the strongest."""
MAX_FORWARD_BACKWARD_PIXELS = 0.7
"""Forward-backward error of a tracked point (Kalal et al., ICPR 2010)."""
MAX_MOTION_ERROR_PIXELS = 1.5
"""Distance of a point from the position that the motion of the rest predicts, in a frame or during its trial."""
MIN_MOTION_POINTS = 4
"""Points that measure a motion. With fewer, the target is assumed to move with the background, which is static."""
TRIAL_FRAMES = 5
"""Frames for which a new point must move with the target before it belongs to it."""

# Visibility by colours.
GRID_CELLS = 48
"""Cells along each side of the target's box in which colours are compared, whatever its size."""
MAX_COLOUR_DISTANCE = 16.0
"""Distance in CIE L*a*b*, lightness counted half, up to which a cell shows the target."""
MAX_LIGHT_CHANGE = (12.0, 4.0, 4.0)
"""Change of the whole target in halved L*, a* and b* that is attributed to the lighting."""
MIN_MATCHING_NEIGHBOURS = 0.4
"""Share of a cell's neighbours that must match too: slivers at edges come from rotation, not from occlusion."""
COLOUR_NOISE_SHARE = 0.02
"""Share of the target's cells that may differ without an occlusion."""
MAX_SURROUNDINGS_MATCH = 0.5
"""Share of the target that its surroundings may match while its colours still count as distinctive."""
SEARCH_SIZE_PIXELS = 16.0
"""Size to which the target is reduced when it is searched for by its colours."""
MIN_TRUSTED_MATCH = 0.85
"""Share of the unoccluded target whose colours must match for its motion in that frame to be trusted."""

# Verification of keyframes.
MAX_DISTRACTOR_IOU = 0.3
"""IoU with the target up to which a mask in the first image is another object, not a part or a whole of the target."""
MIN_VERIFIED_VISIBILITY = 0.85
"""Share of the target that must be visible for the features of a keyframe to be reliable."""
SURE_MASK_IOU, MIN_MASK_IOU = 0.85, 0.5
"""IoU of the new mask with the propagated one to replace it: in any case, and if its appearance is as similar."""
APPEARANCE_UPDATE_RATE = 0.15
"""Share of the newest feature in the recent appearance."""
MAX_MISMATCHES = 2
"""Consecutive keyframes that must not resemble the target for it to be lost."""
PROMPT_POINTS = 2
"""Points on the target that SAM is prompted with."""
PROMPT_BOX_MARGIN = 0.04
"""Share of the box's sides by which the prompt's box is widened, as the propagated mask may be slightly small."""
MIN_OCCLUDED_PROMPT_SHARE = 0.15
"""Share of the target that must be occluded for SAM to be prompted with a negative point."""
SEARCH_GRID_POINTS = 4
"""Points along each side of the square in which a lost target is searched for near its location."""

# SAM 2's video memory.
MIN_SAME_MASK_IOU = 0.5
"""IoU of a candidate's mask with the memory's one from which on they are of the same object; share of the latter that
must lie where points have tracked the object to."""

# Loss.
DRIFT_UPDATE_RATE = 0.2
"""Share of the newest frame in the target's drift, its recent motion against the background."""
MAX_STATIC_DRIFT = 0.02
"""Drift a frame, in sizes, up to which the target counts as static."""

# Recovery.
LOCATION_UNCERTAINTY_RATE = 0.1
"""Growth of the uncertainty of a lost target's location: share of its path in the image, or sizes in a frame without a
measured background motion."""
SEARCH_RADIUS_SIZES = 0.75
"""Distance from its location, in sizes, within which a lost target is searched for; the uncertainty adds to it."""
MAX_HISTORY_FRAMES = 150
"""Frames kept since a keyframe of a lost target; a verification that takes longer is ignored."""
SURE_RETURN_VISIBILITY = 0.9
"""Share of a lost target whose colours must match at its location for it to be found again."""
MIN_RETURN_VISIBILITY, MAX_RETURN_CHANGE = 0.5, 0.02
"""The same if it changes no more than this from the frame before; a candidate must also be that visible."""
MAX_RETURN_UNCERTAINTY = 0.3
"""Uncertainty of its location, in sizes, up to which matching colours at the location are accepted."""
PROBATION_FRAMES = 5
"""Frames for which a candidate must behave like the target before it is accepted."""
MAX_CANDIDATE_DRIFT = 0.35
"""Motion of a candidate against the background, in sizes, if the target was static; half the uncertainty adds to it."""
MIN_CANDIDATE_SIZE = 0.7
"""Size of a candidate, in sizes of the target; its inverse is the maximum. A smaller one may be a part of it."""
