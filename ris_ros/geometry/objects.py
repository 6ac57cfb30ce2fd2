"""An object in space: its points, its box, how to grasp it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

# A point as RViz, PCL and Foxglove read it from a PointCloud2 with fields x, y, z, rgb: the colour's bytes, blue first,
# in the place of a float.
POINT = np.dtype([("xyz", np.float32, 3), ("bgr", np.uint8, 3), ("unused", np.uint8)])


@dataclass(frozen=True, eq=False)
class Points:
    """The visible surface of an object.

    Attributes
    ----------
    xyz : float32 [P, 3], metres
    pixels : int32 [P, 2], column and row that each was seen at
    colours : uint8 [P, 3], RGB; zeros where no image was given

    """

    xyz: np.ndarray
    pixels: np.ndarray
    colours: np.ndarray

    def __len__(self) -> int:
        return len(self.xyz)

    def packed(self) -> np.ndarray:
        """The points as the data of a ``sensor_msgs/PointCloud2``, of type POINT [P]."""
        points = np.zeros(len(self), POINT)
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
        turn = cv2.Rodrigues(self.axes)[0][:, 0]
        angle = np.linalg.norm(turn)
        return np.array([*(turn * np.sin(angle / 2) / (angle or 1.0)), np.cos(angle / 2)])

    @property
    def corners(self) -> np.ndarray:
        """Float64 [8, 3], metres; bits 0, 1, 2 of a corner's index say at which end of the three axes it is."""
        signs = np.array([[i & 1, i >> 1 & 1, i >> 2 & 1] for i in range(8)]) - 0.5
        return self.centre + signs * self.size @ self.axes.T


@dataclass(frozen=True, eq=False)
class Grasp:
    """Where a parallel gripper that comes from above can close.

    Attributes
    ----------
    centre : float64 [3], metres, half-way between the fingers and half-way up the object
    closing : float64 [3], unit, the horizontal direction in which the fingers close
    approach : float64 [3], unit, straight down
    opening : metres, least distance of the fingers before they close

    """

    centre: np.ndarray
    closing: np.ndarray
    approach: np.ndarray
    opening: float

    @property
    def yaw(self) -> float:
        """Radians, above -pi/2 and up to pi/2, about up: from the frame's x axis, laid level, to `closing`."""
        ahead, side = level_axes(-self.approach)
        angle = np.arctan2(self.closing @ side, self.closing @ ahead)
        return float(angle - np.pi * np.ceil(angle / np.pi - 0.5))


@dataclass(frozen=True, eq=False)
class Object3D:
    """An object in space.

    Attributes
    ----------
    points : its visible surface, without what is not on it
    centroid : float64 [3], metres, the mean of the points; it lies towards the camera from the middle of the object
    box : its centre is the middle of the object, as well as it can be known
    grasp : top-down
    up : float64 [3], unit
    up_from : "given", "support" (the normal of the surface that the object stands on) or "camera" (no surface was
        found, and the camera was taken to stand level)

    """

    points: Points
    centroid: np.ndarray
    box: OrientedBox
    grasp: Grasp
    up: np.ndarray
    up_from: str

    def moved(self, pose: np.ndarray) -> Object3D:
        """The object in another frame; `pose`, float64 [4, 4], takes coordinates of this frame to that one."""
        turn, shift = pose[:3, :3], pose[:3, 3]
        xyz = (self.points.xyz @ turn.T + shift).astype(np.float32)
        return Object3D(
            replace(self.points, xyz=xyz), turn @ self.centroid + shift,
            OrientedBox(turn @ self.box.centre + shift, turn @ self.box.axes, self.box.size),
            Grasp(turn @ self.grasp.centre + shift, turn @ self.grasp.closing, turn @ self.grasp.approach,
                  self.grasp.opening), turn @ self.up, self.up_from)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able values, in metres and radians and this frame; without the points."""
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
    """Two unit vectors across `up`: the frame's x axis laid level (its y axis where x is upright), and up x that."""
    x = np.array([1.0, 0.0, 0.0]) if abs(up[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    ahead = x - up * (x @ up)
    ahead /= np.linalg.norm(ahead)
    return ahead, np.cross(up, ahead)
