"""Dataclasses of the simulated scene, its camera and its rendering.

The world frame is the table's, in metres: origin at the centre of the table top, x to the right and y away from the
viewer of the default camera, z up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ris_ros.sim.shapes import Shape
from ris_ros.sim.variants import catalogue


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
    catalogue : the catalogue that its shape is from, as of :func:`variants.catalogue`

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
    catalogue: str = "plain"

    @property
    def shape(self) -> Shape:
        """The shape at scale 1."""
        return catalogue(self.catalogue)[self.category]


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


Triple = tuple[float, float, float]
"""Three numbers: a point or direction in the world frame, or red, green and blue."""


@dataclass(frozen=True)
class Light:
    """A directional light.

    Attributes
    ----------
    position : metres, world frame; the light points at the origin
    rgb : intensity, 0..1
    shadow : whether it casts shadows

    """

    position: Triple
    rgb: Triple
    shadow: bool = False


@dataclass(frozen=True)
class Effects:
    """What the camera does to the rendered picture, in this order; the defaults change nothing.

    Attributes
    ----------
    occlusion : how dark corners and contacts are, 0..1
    levels : number of brightness levels that are left, as in a cartoon; 0 for all
    outline : how dark the outlines of things are drawn, 0..1
    gains : exposure and white balance, factors on red, green and blue
    gamma : exponent of the brightness
    saturation : factor on the distance from grey
    vignette : how much darker the corners of the image are, 0..1
    blur : of the whole image, standard deviation in pixels
    focus_blur : of what is half a metre nearer or farther than the middle of the image, in pixels
    noise : of the sensor, standard deviation in 8-bit levels
    jpeg : quality, 1..100; 0 for no compression
    seed : of the noise

    """

    occlusion: float = 0.0
    levels: int = 0
    outline: float = 0.0
    gains: Triple = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    saturation: float = 1.0
    vignette: float = 0.0
    blur: float = 0.0
    focus_blur: float = 0.0
    noise: float = 0.0
    jpeg: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Look:
    """How a scene is drawn: one draw of a style (:mod:`styles`); the defaults are the plain style.

    Attributes
    ----------
    style : name of the style
    catalogues : category -> the catalogue that its shapes are from; one in each scene, so that sizes compare
    tint_spread : factor on the deviation of colours
    table, floor, wall : names of textures; no wall for ""
    wall_distance : metres from the table's centre
    wall_rgb : 0..1
    table_size : factor on the extents of the table top
    round_table : whether the table top is round
    textures : of the objects, in turn; "" for none
    specular, shininess : of the objects' surfaces, 0..1
    ambient, headlight : light from everywhere, and from the camera
    lights : lights in place of the scene's own; that one for none
    effects : of the camera

    """

    style: str = "plain"
    catalogues: Mapping[str, str] = field(default_factory=dict)
    tint_spread: float = 1.0
    table: str = ""
    floor: str = "tile"
    wall: str = ""
    wall_distance: float = 2.0
    wall_rgb: Triple = (0.7, 0.7, 0.7)
    table_size: float = 1.0
    round_table: bool = False
    textures: tuple[str, ...] = ("",)
    specular: float = 0.25
    shininess: float = 0.4
    ambient: float = 0.40
    headlight: float = 0.22
    lights: tuple[Light, ...] = ()
    effects: Effects = field(default_factory=Effects)


@dataclass(frozen=True)
class Scene:
    """Objects, surroundings and a camera; the same scene always renders the same image.

    Attributes
    ----------
    objects : sorted so that an object's support comes before it
    camera : the viewpoint
    table_rgb, floor_rgb : 0..1
    wood : whether the table of the plain style shows a grain; plain otherwise
    light_position : metres, world frame; the light points at the origin and casts shadows
    light_intensity : 0..1
    look : how it is drawn
    distractors : things of no category, which no expression refers to

    """

    objects: tuple[SceneObject, ...]
    camera: Camera = field(default_factory=Camera)
    table_rgb: tuple[float, float, float] = (0.72, 0.56, 0.40)
    floor_rgb: tuple[float, float, float] = (0.35, 0.36, 0.38)
    light_position: tuple[float, float, float] = (0.5, -0.6, 1.8)
    light_intensity: float = 0.8
    wood: bool = True
    look: Look = field(default_factory=Look)
    distractors: tuple[SceneObject, ...] = ()


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
    distractors : int32 [H, W]; i + 1 is the scene's distractor i where it is visible, 0 is all else; None without any

    """

    image: np.ndarray
    depth: np.ndarray
    instances: np.ndarray
    intrinsics: np.ndarray
    camera_pose: np.ndarray
    distractors: np.ndarray | None = None

    def mask(self, index: int) -> np.ndarray:
        """Return the visible part, bool [H, W], of the scene's object `index`."""
        mask: np.ndarray = self.instances == index + 1
        return mask
