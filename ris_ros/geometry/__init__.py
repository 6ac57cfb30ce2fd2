"""From a mask, a depth image and a camera model to an object's points, its oriented box and a top-down grasp.

Lengths are in metres. Unless said otherwise, coordinates are in the camera's optical frame: x right, y down, z forward
(REP 103). A camera sees only the side of an object that faces it. The hidden rest is completed by two assumptions about
objects at rest: they stand on a support, and their sides reach straight down to it.
"""

from ris_ros.geometry.cameras import project, rays
from ris_ros.geometry.localization import locate
from ris_ros.geometry.objects import POINT_DTYPE, Grasp, Object3D, OrientedBox, Points
from ris_ros.geometry.planes import ground_frame

__all__ = ["POINT_DTYPE", "Grasp", "Object3D", "OrientedBox", "Points", "ground_frame", "locate", "project", "rays"]
