"""Dataclasses of the simulated scene, its camera and its rendering.

The world frame is the table's, in metres: origin at the centre of the table top, x to the right and y away from the
viewer of the default camera, z up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class SceneObject:
    """One object on the table.

    Attributes
    ----------
    category : a name in `shapes.CATEGORIES`, such as "cup"
    colour : a name in `shapes.COLOURS`, such as "red"
    position : metres, world frame; the centre of the underside in the object's pose
    yaw : radians about z
    scale : factor on the category's own size
    lying : whether an object that can stand lies on its side
    support : index, in the scene, of the object it stands on or lies in; None for the table
    inside : whether it lies in its support (a ball in a bowl) rather than on it
    tint : deviation from the named colour in hue, saturation and value, each -1..1 of the spread that the colour allows

    """

    category: str
    colour: str
    position: tuple[float, float, float]
    yaw: float = 0.0
    scale: float = 1.0
    lying: bool = False
    support: int | None = None
    inside: bool = False
    tint: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks at a point.

    Attributes
    ----------
    position, target : metres, world frame
    fovy : vertical field of view, degrees
    width, height : pixels

    """

    position: tuple[float, float, float] = (0.0, -0.80, 0.67)
    target: tuple[float, float, float] = (0.0, 0.0, 0.0)
    fovy: float = 45.0
    width: int = 640
    height: int = 480


@dataclass(frozen=True)
class Scene:
    """Objects, surroundings and a camera; the same scene always renders the same image.

    Attributes
    ----------
    objects : sorted so that an object's support comes before it
    camera : the viewpoint
    table_rgb, floor_rgb : 0..1
    wood : whether the table shows a grain; plain otherwise
    light_position : metres, world frame; the light points at the origin and casts shadows
    light_intensity : 0..1

    """

    objects: tuple[SceneObject, ...]
    camera: Camera = field(default_factory=Camera)
    table_rgb: tuple[float, float, float] = (0.72, 0.56, 0.40)
    floor_rgb: tuple[float, float, float] = (0.35, 0.36, 0.38)
    light_position: tuple[float, float, float] = (0.5, -0.6, 1.8)
    light_intensity: float = 0.8
    wood: bool = True


def supports(objects: Sequence[SceneObject], index: int) -> list[int]:
    """Return the indices of an object's support, of the support's support and so on, down to the table."""
    chain: list[int] = []
    support = objects[index].support
    while support is not None:
        chain.append(support)
        support = objects[support].support
    return chain


@dataclass(frozen=True, eq=False)
class Rendering:
    """An image of a scene with its ground truth.

    Attributes
    ----------
    image : uint8 RGB [H, W, 3]
    depth : float32 [H, W], metres along the optical axis
    instances : int32 [H, W]; 0 is background, i + 1 is the scene's object i where it is visible
    intrinsics : float64 [3, 3], the camera matrix K in pixels
    camera_pose : float64 [4, 4], from the camera's optical frame (x right, y down, z forward) to the world frame

    """

    image: np.ndarray
    depth: np.ndarray
    instances: np.ndarray
    intrinsics: np.ndarray
    camera_pose: np.ndarray

    def mask(self, index: int) -> np.ndarray:
        """Return the visible part, bool [H, W], of the scene's object `index`."""
        mask: np.ndarray = self.instances == index + 1
        return mask
