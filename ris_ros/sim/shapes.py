"""The catalogue of the tabletop: categories with their parametric shapes, and colours.

Shapes are in metres at scale 1. They stand upright with the centre of the underside at the origin.
"""

from __future__ import annotations

import colorsys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ris_ros.sim.meshes import Mesh, box, join, lathe, sweep

Profile = Sequence[tuple[float, float]]
"""Points (radius, z), metres, of the outline of a body of revolution."""

MATERIALS: dict[str, tuple[float, float, float]] = {
    "paper": (0.93, 0.91, 0.85), "metal": (0.70, 0.71, 0.73), "dark": (0.13, 0.12, 0.12),
}
"""RGB, 0..1, of parts with a colour of their own. All other parts have the object's colour ("body") or a darker shade
of it ("trim")."""


@dataclass(frozen=True, eq=False)
class Shape:
    """The shape of a category, and the categories that can stand on it or lie in it.

    Attributes
    ----------
    parts : meshes by material
    lying_tilt : radians about x from standing to lying on its side; None for a shape that cannot lie like that
    top : (height, outline [K, 2]) of the flat surface that others can stand on; None without one
    interior : profile (radius, z) of the inside, floor first; None for a solid shape
    carries : categories that may stand on it
    holds : categories that may lie in it
    rod : radius of a rod, which lies along x and leans when put in a vessel; None for other shapes
    crease : degrees between two faces from which on their edge looks sharp

    """

    parts: dict[str, Mesh]
    lying_tilt: float | None = None
    top: tuple[float, np.ndarray] | None = None
    interior: np.ndarray | None = None
    carries: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    rod: float | None = None
    crease: float = 40.0

    @cached_property
    def vertices(self) -> np.ndarray:
        """All vertices, float64 [V, 3]."""
        return np.concatenate([mesh.vertices for mesh in self.parts.values()])

    @property
    def size(self) -> tuple[float, float, float]:
        """Extents along x, y and z, metres; z is the height."""
        return tuple(np.ptp(self.vertices, axis=0).tolist())

    @property
    def footprint_radius(self) -> float:
        """Radius, metres, of the upright cylinder about the origin that holds it."""
        return float(np.linalg.norm(self.vertices[:, :2], axis=1).max())


@dataclass(frozen=True)
class Colour:
    """A named colour and how far an instance may deviate from it, as hue, saturation and value in 0..1."""

    hsv: tuple[float, float, float]
    spread: tuple[float, float, float]

    def rgb(self, tint: Sequence[float] = (0, 0, 0)) -> tuple[float, float, float]:
        """Return the RGB values, 0..1, for a `tint` of -1..1 of the spread in hue, saturation and value."""
        hue, saturation, value = (c + t * s for c, t, s in zip(self.hsv, tint, self.spread, strict=True))
        return colorsys.hsv_to_rgb(hue % 1, np.clip(saturation, 0, 1), np.clip(value, 0, 1))


COLOURS: dict[str, Colour] = {
    "red": Colour((0.995, 0.90, 0.80), (0.010, 0.08, 0.08)),
    "orange": Colour((0.070, 0.95, 0.96), (0.010, 0.05, 0.04)),
    "yellow": Colour((0.147, 0.88, 0.93), (0.010, 0.10, 0.05)),
    "green": Colour((0.360, 0.78, 0.52), (0.035, 0.12, 0.10)),
    "blue": Colour((0.605, 0.85, 0.70), (0.020, 0.10, 0.10)),
    "purple": Colour((0.775, 0.68, 0.52), (0.015, 0.08, 0.07)),
    "pink": Colour((0.935, 0.42, 0.96), (0.015, 0.08, 0.03)),
    "brown": Colour((0.065, 0.68, 0.34), (0.012, 0.07, 0.05)),
    "black": Colour((0.600, 0.10, 0.075), (0.300, 0.10, 0.025)),
    "white": Colour((0.120, 0.03, 0.95), (0.100, 0.03, 0.03)),
    "grey": Colour((0.600, 0.04, 0.46), (0.100, 0.04, 0.06)),
}


def lying_tilt(profile: Profile) -> float:
    """Return the angle, radians, by which a body of revolution tilts to lie on its side.

    It lies on the side of its profile's convex hull that is below its middle.
    """
    points = np.array(sorted(profile, key=lambda point: point[1]))
    middle = (points[0, 1] + points[-1, 1]) / 2
    below, above = points[points[:, 1] < middle], points[points[:, 1] >= middle]
    for low in below:
        for high in above:
            slope = (high[0] - low[0]) / (high[1] - low[1])
            if (points[:, 0] <= low[0] + slope * (points[:, 1] - low[1]) + 1e-9).all():
                return float(np.pi / 2 - np.arctan(slope))
    raise ValueError("the profile has no side to lie on")


def circle(radius: float) -> np.ndarray:
    """Return the outline, float [32, 2], of a circle."""
    angle = np.arange(32) * 2 * np.pi / 32
    return radius * np.column_stack([np.cos(angle), np.sin(angle)])


def rectangle(x: float, y: float) -> np.ndarray:
    """Return the outline, float [4, 2], of a rectangle of x by y metres."""
    return np.array([(x, y), (-x, y), (-x, -y), (x, -y)]) / 2


def curve(points: Profile, steps: int = 4) -> list[tuple[float, float]]:
    """Interpolate profile points by a Catmull-Rom curve."""
    p = np.array([points[0], *points, points[-1]])
    t = np.arange(steps)[:, None] / steps
    spans = [0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
             for a, b, c, d in zip(p[:-3], p[1:-2], p[2:-1], p[3:], strict=True)]
    return [tuple(point) for point in np.concatenate([*spans, p[-1:]])]


def vessel(outside: Profile, inside: Profile) -> tuple[Mesh, np.ndarray]:
    """Build a hollow body from two profiles, each from the axis upwards; return it with its interior."""
    return lathe([(0, 0), *outside, *reversed(inside)]), np.array(inside)


def _cup() -> Shape:
    outside = [(0.028, 0), (0.031, 0.002), (0.042, 0.093), (0.0415, 0.095)]
    mesh, inside = vessel(outside, [(0, 0.006), (0.027, 0.006), (0.0295, 0.009), (0.0393, 0.095)])
    return Shape({"body": mesh}, lying_tilt=lying_tilt(outside), interior=inside, holds=("pen", "spoon"))


def _mug() -> Shape:
    outside = [(0.036, 0), (0.0395, 0.0015), (0.041, 0.005), (0.041, 0.088), (0.0405, 0.090)]
    mesh, inside = vessel(outside, [(0, 0.006), (0.034, 0.006), (0.037, 0.009), (0.0375, 0.090)])
    angle = np.linspace(-np.pi / 2, np.pi / 2, 15)
    path = np.column_stack([0.040 + 0.030 * np.cos(angle), 0 * angle, 0.046 + 0.026 * np.sin(angle)])
    handle = sweep(path, np.tile([0.0065, 0.0045], (15, 1)), up=(-1, 0, 0.001))
    return Shape({"body": join(mesh, handle)}, interior=inside, holds=("pen", "spoon"))


def _bowl() -> Shape:
    outside = [(0.036, 0), (0.038, 0.001), (0.038, 0.006),
               *curve([(0.040, 0.008), (0.060, 0.020), (0.074, 0.040), (0.080, 0.060)])]
    mesh, inside = vessel(outside, [(0, 0.010), *curve([(0.020, 0.0105), (0.040, 0.014), (0.058, 0.025),
                                                           (0.071, 0.043), (0.0765, 0.060)])])
    return Shape({"body": mesh}, interior=inside, holds=("ball", "block"))


def _plate() -> Shape:
    outside = [(0.060, 0), (0.062, 0.001), (0.070, 0.006), (0.106, 0.019), (0.107, 0.0205)]
    mesh, _ = vessel(outside, [(0, 0.006), (0.064, 0.006), (0.072, 0.010), (0.105, 0.0215)])
    return Shape({"body": mesh}, top=(0.006, circle(0.063)),
                 carries=("cup", "mug", "bowl", "can", "banana", "block", "ball", "vase"))


def _bottle() -> Shape:
    outside = [(0.031, 0), (0.034, 0.003), (0.034, 0.115),
               *curve([(0.0335, 0.125), (0.026, 0.148), (0.015, 0.168), (0.0135, 0.180)]), (0.0135, 0.196)]
    cap = [(0, 0.192), (0.0165, 0.192), (0.0165, 0.212), (0.0150, 0.2145), (0, 0.2145)]
    label = [(0, 0.040), (0.0345, 0.040), (0.0345, 0.090), (0, 0.090)]
    return Shape({"body": lathe([(0, 0), *outside, (0, 0.196)]), "paper": lathe(label), "trim": lathe(cap)},
                 lying_tilt=lying_tilt(outside))


def _can() -> Shape:
    outside = [(0.029, 0.003), (0.033, 0.009), (0.033, 0.109), (0.0295, 0.116)]
    rims = [lathe([(0, 0), (0.0275, 0), (0.0290, 0.001), (0.0290, 0.0032), (0, 0.0032)]),
            lathe([(0, 0.114), (0.0297, 0.1155), (0.0300, 0.1195), (0.0285, 0.1195), (0.0275, 0.1165), (0, 0.1165)])]
    return Shape({"body": lathe([(0, 0.003), *outside, (0, 0.116)]), "metal": join(*rims)},
                 lying_tilt=lying_tilt(outside))


def _vase() -> Shape:
    outside = [(0.032, 0), *curve([(0.034, 0.002), (0.050, 0.035), (0.056, 0.070), (0.040, 0.115), (0.0235, 0.145),
                                    (0.0235, 0.165), (0.036, 0.190)])]
    mesh, inside = vessel(outside, [(0, 0.008), *curve([(0.030, 0.008), (0.046, 0.036), (0.051, 0.070),
                                                          (0.036, 0.115), (0.0200, 0.146), (0.0200, 0.166),
                                                          (0.0335, 0.1915)])])
    return Shape({"body": mesh}, lying_tilt=lying_tilt(outside), interior=inside)


def _box() -> Shape:
    return Shape({"body": box((0.130, 0.095, 0.072), bevel=0.0015),
                  "trim": box((0.137, 0.102, 0.032), (0, 0, 0.068), bevel=0.002)},
                 top=(0.100, rectangle(0.131, 0.096)), carries=("cup", "mug", "bowl", "can", "block", "banana"))


def _book() -> Shape:
    x, y, z, cover = 0.150, 0.210, 0.030, 0.004
    covers = join(box((x, y, cover)), box((x, y, cover), (0, 0, z - cover)),
                  box((cover, y, z - 2 * cover), (cover / 2 - x / 2, 0, cover)))
    pages = box((x - cover - 0.005, y - 0.010, z - 2 * cover), (cover / 2 - 0.0025, 0, cover))
    return Shape({"body": covers, "paper": pages}, top=(z, rectangle(x - 0.006, y - 0.006)),
                 carries=("cup", "mug", "bowl", "can", "bottle", "vase", "box", "block", "cone", "banana", "pen",
                          "spoon", "ball"))


def _ball() -> Shape:
    angle = np.linspace(-np.pi / 2, np.pi / 2, 25)
    return Shape({"body": lathe(list(zip(0.036 * np.cos(angle).round(9), 0.036 + 0.036 * np.sin(angle), strict=True)))})


def _block() -> Shape:
    x, y, z = 0.084, 0.056, 0.040
    stud = [(0, z - 0.001), (0.0095, z - 0.001), (0.0095, z + 0.0065), (0.0085, z + 0.0075), (0, z + 0.0075)]
    studs = [lathe(stud, 20).transformed((i * 0.028, j * 0.028, 0)) for i in (-1, 0, 1) for j in (-0.5, 0.5)]
    return Shape({"body": join(box((x, y, z), bevel=0.002), *studs)}, top=(z + 0.0075, rectangle(0.074, 0.046)),
                 carries=("block", "can"))


def _cone() -> Shape:
    def ring(low: float, high: float, out: float = 0.0) -> Mesh:
        radius = [0.040 - 0.213 * (z - 0.009) + out for z in (low, high)]
        return lathe([(0, low), (radius[0], low), (radius[1], high), (0, high)])
    return Shape({"body": join(box((0.112, 0.112, 0.010), bevel=0.003), ring(0.009, 0.160)),
                  "paper": ring(0.068, 0.105, 0.0006)})


def _banana() -> Shape:
    angle = np.linspace(-0.95, 0.95, 25)
    along = np.linspace(-1, 1, 25)
    path = np.column_stack([0.095 * np.sin(angle), 0.095 * np.cos(angle) - 0.081, np.full(25, 0.0175)])
    radii = 0.0175 * (1 - 0.72 * np.abs(along) ** 3.5)[:, None] * (1, 1)
    tips = [sweep(path[k], radii[k] * 1.03, up=(0, 0, 1)) for k in (slice(0, 2), slice(-2, None))]
    return Shape({"body": sweep(path, radii, up=(0, 0, 1), segments=8), "dark": join(*tips)})


def _spoon() -> Shape:
    hollow = curve([(0, 0), (0.012, 0.0015), (0.019, 0.006), (0.022, 0.012)])
    scoop = lathe([*hollow, (0.0213, 0.013), *((r * 0.93, z + 0.0018) for r, z in reversed(hollow))], 32)
    t = np.linspace(0, 1, 14)
    path = np.column_stack([0.030 - 0.130 * t, 0 * t, 0.0115 + 0.012 * np.sin(np.pi * t) * (1 - t) - 0.0085 * t])
    radii = np.column_stack([0.0042 + 0.0035 * t**2, np.full(14, 0.0022)])
    scoop = scoop.transformed((0.060, 0, 0), scale=(1.5, 1.0, 1.0))
    return Shape({"body": join(scoop, sweep(path, radii, up=(0, 0, 1)))}, rod=0.008)


def _pen() -> Shape:
    lengthwise = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]], float)

    def revolved(profile: Profile) -> Mesh:
        return lathe(profile, 20).transformed((0, 0, 0.0085), rotation=lengthwise)
    barrel = revolved([(0, -0.075), (0.0075, -0.075), (0.0085, -0.072), (0.0085, 0.055), (0, 0.055)])
    tip = revolved([(0, 0.055), (0.0080, 0.055), (0.0030, 0.075), (0.0012, 0.081), (0, 0.081)])
    clip = box((0.042, 0.0035, 0.002), (0.050, 0, 0.0165))
    return Shape({"body": barrel, "dark": join(tip, clip)}, rod=0.0085)


CATEGORIES: dict[str, Shape] = {
    "cup": _cup(), "mug": _mug(), "bowl": _bowl(), "plate": _plate(), "bottle": _bottle(), "can": _can(),
    "vase": _vase(), "box": _box(), "book": _book(), "ball": _ball(), "block": _block(), "cone": _cone(),
    "banana": _banana(), "spoon": _spoon(), "pen": _pen(),
}

Pair = tuple[str, str]
"""A colour and a category."""

ALL_PAIRS: frozenset[Pair] = frozenset((colour, category) for colour in COLOURS for category in CATEGORIES)
