"""From a mask, a depth image and a camera model to an object's points, its oriented box and a top-down grasp.

Lengths are metres. Unless said otherwise, frames are the camera's optical frame: x right, y down, z forward (REP 103).
A camera sees only the side that faces it; what it does not see is completed by what holds for things at rest: they
stand on a support, and their sides go straight down to it.
"""

from ris_ros.geometry.cameras import camera_model, project, rays
from ris_ros.geometry.locating import locate
from ris_ros.geometry.objects import POINT, Grasp, Object3D, OrientedBox, Points

__all__ = ["POINT", "Grasp", "Object3D", "OrientedBox", "Points", "camera_model", "locate", "project", "rays"]
