"""Every tuned constant of geometry, with what it means.

They were set by hand on simulated scenes. `ris eval geometry --split validation` measures their effect on boxes and
grasps, for exact depth and for depth with the errors of a sensor.
"""

from __future__ import annotations

import math

# Connected surfaces.
MIN_SURFACE_POINTS = 20
"""Points with depth that an object, or a part of one, must have to be measured."""
MAX_DEPTH_METRES = 100.0
"""Median depth of an object beyond which millimetres were probably taken for metres."""
MIN_VIEWING_ANGLE = math.radians(10)
"""Smallest angle, radians, between a surface and the line of sight. Neighbours that imply less are on two surfaces."""
DEPTH_NOISE_METRES = 0.005
"""Difference in depth of neighbouring pixels that is always allowed on one surface."""
MAX_PART_GAP_METRES, MAX_PART_GAP_SHARE = 0.02, 0.1
"""Distance up to which a part belongs to the object: metres, or a share of the largest part's diagonal if larger."""
MIN_PART_PIXELS, MAX_PART_RATIO = 3, 200
"""Pixels that a further part must have, and how many times larger the largest part may be."""
CONTACT_MARGIN_PIXELS = 6
"""Pixels around the mask in which contacts of the object are searched for."""

# The support of an object.
PLANE_TOLERANCE_METRES, PLANE_TOLERANCE_PER_SQUARE_METRE = 0.003, 0.003
"""Distance of a plane's inliers from it: metres, plus this times the squared depth, as sensor noise grows."""
MIN_PLANE_POINTS = 50
"""Points below which no plane and no level is fitted."""
PLANE_SAMPLES = 200
"""Triples of points that RANSAC tries."""
MIN_SUPPORT_SHARE = 0.2
"""Share of the surrounding points that must lie on the support plane."""
MIN_OBJECT_ABOVE_SHARE = 0.9
"""Share of the object's points that must lie above the support plane."""
MIN_CONTACT_POINTS = 10
"""Contact points below the object's middle that are needed to measure the level of its support."""
CONTACT_PERCENTILE = 25
"""Percentile of the contact points' heights that is taken as the support's level."""
MAX_CONTACT_TOLERANCES = 2.5
"""Distance of the contact level from the plane, in plane tolerances, up to which the plane is the support."""
SUPPORT_MARGIN_METRES, SUPPORT_MARGIN_SHARE = 0.005, 0.2
"""Height up to which points are the support and not the object: metres, or a share of the object's if smaller."""

# The ground of a whole image.
MIN_GROUND_SHARE = 0.15
"""Share of the image's points that must lie on a plane for it to be the ground."""
MIN_GROUND_UP = 0.26
"""Smallest component of the ground's normal along the image's vertical: the ground faces up within 75 degrees."""
GROUND_TOLERANCE_SHARE = 0.01
"""Distance of the ground's points from it, as a share of the median depth."""

# Boxes and grasps.
OUTLIER_PERCENT = 0.4
"""Percent of the points at each end of a side that the box leaves out."""
HEIGHT_PERCENTILE = 99.5
"""Percentile of the points' heights above the support that is taken as the object's height."""
OUTLINE_BINS, MIN_OUTLINE_BINS = 26, 18
"""Strips across the line of sight that the near outline is sampled in, and how many of the inner ones must have it."""
MAX_CIRCLE_ERROR = 0.05
"""RMS distance of the near outline from its circle, as a share of the radius; the outline of a box is off by 0.08."""
MIN_CIRCLE_WIDTH, MAX_CIRCLE_WIDTH = 1.6, 2.3
"""Width of all points in radii of the circle: 2 for a whole disc."""
MIN_CIRCLE_DEPTH, MAX_CIRCLE_REACH = 0.8, 1.1
"""Depth of all points along the line of sight, and distance of the farthest from the middle, in radii of the circle."""
MAX_CYLINDER_MISMATCH = 0.25
"""Share by which the diameter of a lying cylinder may differ from its height."""
EDGE_DISTANCE_WEIGHT = 4
"""Weight of the points' mean distance from the nearest side against the area, in the cost of a rectangle."""
GRASP_SLICE_METRES, GRASP_SLICE_SHARE = 0.01, 0.05
"""Half the width of the slice that a grasp closes on: metres, or a share of the object's length if larger."""
