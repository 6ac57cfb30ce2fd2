"""Data of a located object: its points, its box and a grasp."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

POINT_DTYPE = np.dtype([("xyz", np.float32, 3), ("bgr", np.uint8, 3), ("unused", np.uint8)])
"""A point of a ``sensor_msgs/PointCloud2`` with fields x, y, z and rgb, as RViz, PCL and Foxglove read it.

The bytes of the colour, blue first, take the place of a float.
"""


@dataclass(frozen=True, eq=False)
class Points:
    """The visible surface of an object.

    Attributes
    ----------
    xyz : float32 [P, 3], metres
    pixels : int32 [P, 2], the column and row of each in the image
    colours : uint8 [P, 3], RGB; zeros where no image was given

    """

    xyz: np.ndarray
    pixels: np.ndarray
    colours: np.ndarray

    def __len__(self) -> int:
        return len(self.xyz)

    def packed(self) -> np.ndarray:
        """Return the points as the data of a ``sensor_msgs/PointCloud2``, POINT_DTYPE [P]."""
        points = np.zeros(len(self), POINT_DTYPE)
        points["xyz"], points["bgr"] = self.xyz, self.colours[:, ::-1]
        return points


@dataclass(frozen=True, eq=False)
class OrientedBox:
    """The upright box that holds an object.

    Attributes
    ----------
    centre : float64 [3], metres
    axes : float64 [3, 3], a rotation; its columns are the longer horizontal side, the shorter one, and up
    size : float64 [3], metres along these axes: length, width, height

    """

    centre: np.ndarray
    axes: np.ndarray
    size: np.ndarray

    @property
    def quaternion(self) -> np.ndarray:
        """The rotation as float64 [4]: x, y, z, w."""
        rotation_vector = cv2.Rodrigues(self.axes)[0][:, 0]
        angle = np.linalg.norm(rotation_vector)
        return np.array([*(rotation_vector * np.sin(angle / 2) / (angle or 1.0)), np.cos(angle / 2)])

    @property
    def corners(self) -> np.ndarray:
        """The corners, float64 [8, 3], metres; bit k of a corner's index selects its end along axis k."""
        signs = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)]) - 0.5
        return self.centre + signs * self.size @ self.axes.T


@dataclass(frozen=True, eq=False)
class Grasp:
    """A grasp from above with a parallel gripper.

    Attributes
    ----------
    centre : float64 [3], metres, half-way between the fingers and half-way up the object
    closing : float64 [3], unit, the horizontal direction in which the fingers close
    approach : float64 [3], unit, straight down
    opening : metres, the smallest distance of the fingers before they close

    """

    centre: np.ndarray
    closing: np.ndarray
    approach: np.ndarray
    opening: float

    @property
    def yaw(self) -> float:
        """The angle about up from the frame's x axis, projected onto the horizontal, to `closing`, in (-pi/2, pi/2]."""
        ahead, side = level_axes(-self.approach)
        angle = np.arctan2(self.closing @ side, self.closing @ ahead)
        return float(angle - np.pi * np.ceil(angle / np.pi - 0.5))


@dataclass(frozen=True, eq=False)
class Object3D:
    """An object located in 3-D.

    Attributes
    ----------
    points : its visible surface
    centroid : float64 [3], metres, the mean of the points; it is nearer to the camera than the middle of the object
    box : the upright box around it; its centre is the best estimate of the middle of the object
    grasp : a grasp from above
    up : float64 [3], unit, the direction away from the ground
    up_from : source of `up`: "given", "support" (the normal of the surface that the object stands on) or "camera" (no
        surface was found, and the camera was assumed to be level)

    """

    points: Points
    centroid: np.ndarray
    box: OrientedBox
    grasp: Grasp
    up: np.ndarray
    up_from: str

    def transformed(self, pose: np.ndarray) -> Object3D:
        """Return the object in another frame.

        Parameters
        ----------
        pose : float64 [4, 4], takes coordinates of this frame to the other one

        """
        rotation, shift = pose[:3, :3], pose[:3, 3]
        xyz = (self.points.xyz @ rotation.T + shift).astype(np.float32)
        box = OrientedBox(rotation @ self.box.centre + shift, rotation @ self.box.axes, self.box.size)
        grasp = Grasp(rotation @ self.grasp.centre + shift, rotation @ self.grasp.closing,
                      rotation @ self.grasp.approach, self.grasp.opening)
        return Object3D(replace(self.points, xyz=xyz), rotation @ self.centroid + shift, box, grasp,
                        rotation @ self.up, self.up_from)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the points as JSON-serializable values, in metres and radians, in this frame."""
        def plain(values: np.ndarray) -> list[float]:
            return [round(float(value), 5) for value in values]
        return {"points": len(self.points), "centroid": plain(self.centroid),
                "box": {"centre": plain(self.box.centre), "size": plain(self.box.size),
                        "axes": [plain(axis) for axis in self.box.axes.T], "quaternion": plain(self.box.quaternion)},
                "grasp": {"centre": plain(self.grasp.centre), "closing": plain(self.grasp.closing),
                          "approach": plain(self.grasp.approach), "yaw": round(self.grasp.yaw, 5),
                          "opening": round(self.grasp.opening, 5)},
                "up": plain(self.up), "up_from": self.up_from}


def level_axes(up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return two horizontal unit vectors, float64 [3] each, for a unit vector `up` [3].

    The first is the frame's x axis projected onto the horizontal plane (the y axis where x is upright), the second is
    the cross product of `up` and the first.
    """
    x = np.array([1.0, 0.0, 0.0]) if abs(up[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    ahead = x - up * (x @ up)
    ahead /= np.linalg.norm(ahead)
    return ahead, np.cross(up, ahead)
