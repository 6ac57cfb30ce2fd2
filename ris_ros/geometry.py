"""From a mask, a depth image and a camera model to an object's points, its oriented box and a top-down grasp.

Lengths are metres. Unless said otherwise, frames are the camera's optical frame: x right, y down, z forward (REP 103).
A camera sees only the side that faces it; what it does not see is completed by what holds for things at rest: they
stand on a support, and their sides go straight down to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import cv2
import numpy as np

from ris_ros.errors import InputError
from ris_ros.types import CameraModel, Depth, mask_box

# Fewer points than this are no surface.
_LEAST_POINTS = 20
# Neighbouring pixels belong to one surface unless it would be seen at less than this angle, up to so much noise.
_GRAZING, _DEPTH_NOISE = np.radians(10), 0.005
# Median depth, metres, beyond which millimetres were taken for metres.
_FARTHEST = 100.0
# Pixels around the mask that are looked at for what the object touches.
_MARGIN = 6
# Most points that the box is fitted to.
_SAMPLE = 3000
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
        ahead, side = _level_axes(-self.approach)
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


def locate(mask: np.ndarray, depth: Depth, image: np.ndarray | None = None, *,
           up: np.ndarray | None = None) -> Object3D:
    """Where the object of a mask is, how large, how turned, and how to grasp it from above.

    Parameters
    ----------
    mask : bool [H, W]; it may stray a few pixels over the object's edge
    depth : of the same size; unknown depth (0, NaN, infinite) is left out
    image : uint8 RGB [H, W, 3], for the points' colours
    up : float [3], away from the ground, in the camera's frame; None: the normal of the surface that the object
        stands on, found around it in the depth image

    Raises
    ------
    InputError
        When mask, image and depth differ in size, the camera model is unusable, or too little of the object has depth.

    """
    _check(mask, depth, image)
    rows, columns = _window(mask)
    directions = rays(depth.camera, *mask.shape)
    z = depth.metres[rows, columns].astype(np.float64)
    z[~(np.isfinite(z) & (z > 0) & np.isfinite(directions[rows, columns, 0]))] = np.nan
    inside = mask[rows, columns]
    seen = inside & ~np.isnan(z)
    if seen.sum() < _LEAST_POINTS:
        raise InputError(f"depth is known at {seen.sum()} of the object's {inside.sum()} pixels; at least "
                         f"{_LEAST_POINTS} are needed")
    if np.median(z[seen]) > _FARTHEST:
        raise InputError(f"the object would be {np.median(z[seen]):.0f} m away: is its depth in millimetres?")
    xyz = directions[rows, columns] * z[..., None]
    jump = z / depth.camera.intrinsics[0, 0] / np.tan(_GRAZING) + _DEPTH_NOISE

    surface = _surface(z, seen, jump, xyz)
    if surface.sum() < _LEAST_POINTS:
        raise InputError("the object's depth is in pieces: no surface of it holds together")
    objects = _sampled(xyz[surface], 1000)
    around = _surroundings(mask, depth, directions, objects)
    support = _find_support(objects, around, xyz[_touched(inside, surface, z, jump)], up)
    kept = surface.copy()
    kept[surface] = support.above(xyz[surface])

    found = np.argwhere(kept)
    points = Points(xyz[kept].astype(np.float32), (found[:, ::-1] + (columns.start, rows.start)).astype(np.int32),
                    np.zeros((len(found), 3), np.uint8) if image is None else image[rows, columns][kept])
    box = _fit_box(xyz[kept], support)
    return Object3D(points, xyz[kept].mean(0), box, _fit_grasp(xyz[kept], box), support.up, support.up_from)


def rays(camera: CameraModel, height: int, width: int) -> np.ndarray:
    """The point, float32 [H, W, 3], at depth 1 of each pixel of an image, lens distortion undone; read-only.

    NaN where the model has no ray, in the outermost corners of some calibrations.

    Raises
    ------
    InputError
        When the model is unknown, has the wrong number of coefficients, or is all zeros as an uncalibrated camera's.

    """
    return _rays(np.asarray(camera.intrinsics, np.float64).tobytes(), tuple(camera.distortion), camera.model, height,
                 width)


def project(camera: CameraModel, points: np.ndarray) -> np.ndarray:
    """The pixels (column, row), float64 [N, 2], of points [N, 3] in the camera's frame; NaN for what is behind it."""
    ahead = points[:, 2] > 1e-3
    pixels = np.full((len(points), 2), np.nan)
    if ahead.any():
        through = cv2.fisheye.projectPoints if camera.model == "equidistant" else cv2.projectPoints
        pixels[ahead] = through(points[ahead, None].astype(np.float64), np.zeros(3), np.zeros(3), camera.intrinsics,
                                np.array(camera.distortion or (0.0,) * 4))[0][:, 0]
    return pixels


def camera_model(info: Any) -> CameraModel:
    """The model in a ``sensor_msgs/CameraInfo``, by whichever library it was read."""
    return CameraModel(np.array(info.k, np.float64).reshape(3, 3), tuple(float(value) for value in info.d),
                       info.distortion_model or "plumb_bob")


# --- pixels -----------------------------------------------------------------------------------------------------------

@lru_cache(maxsize=4)
def _rays(intrinsics: bytes, distortion: tuple[float, ...], model: str, height: int, width: int) -> np.ndarray:
    k = np.frombuffer(intrinsics).reshape(3, 3)
    if not np.isfinite(k).all() or k[0, 0] <= 0 or k[1, 1] <= 0:
        raise InputError("the camera matrix has no focal length: calibrate the camera, or set its camera_info")
    lengths = {"plumb_bob": (4, 5), "rational_polynomial": (8, 12, 14), "equidistant": (4,)}
    if model not in lengths:
        raise InputError(f"unknown distortion model {model!r}; known are {', '.join(lengths)}")
    if any(distortion) and len(distortion) not in lengths[model]:
        raise InputError(f"{model} takes {' or '.join(map(str, lengths[model]))} coefficients, not {len(distortion)}")
    pixels = np.moveaxis(np.mgrid[:height, :width][::-1], 0, -1).reshape(-1, 1, 2).astype(np.float64)
    level = (pixels - k[:2, 2]) / (k[0, 0], k[1, 1])
    # Equidistant even without coefficients: the model itself bends the rays.
    if model == "equidistant" or any(distortion):
        coefficients = np.array(distortion or (0.0,) * 4)
        # The few rounds that OpenCV goes by default leave errors of 20 pixels in the corners of a wide lens.
        rounds = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-4)
        if model == "equidistant":
            level = cv2.fisheye.undistortPoints(pixels, k, coefficients, None, None, None, rounds)
            project = cv2.fisheye.projectPoints
        else:
            level = (cv2.undistortImagePoints(pixels, k, coefficients, None, rounds) - k[:2, 2]) / (k[0, 0], k[1, 1])
            project = cv2.projectPoints
        # Far out, many calibrations describe no lens at all: a pixel that has no ray must not get a wrong one.
        ahead = np.pad(level, ((0, 0), (0, 0), (0, 1)), constant_values=1)
        back = project(ahead, np.zeros(3), np.zeros(3), k, coefficients)[0]
        level[np.abs(back.reshape(pixels.shape) - pixels).max(axis=-1) > 0.5] = np.nan
    directions = np.ones((height, width, 3), np.float32)
    directions[..., :2] = level.reshape(height, width, 2)
    directions.flags.writeable = False
    return directions


def _check(mask: np.ndarray, depth: Depth, image: np.ndarray | None) -> None:
    if mask.ndim != 2 or mask.dtype != np.bool_:
        raise InputError(f"a mask must be bool [H, W], not {mask.dtype} {list(mask.shape)}")
    for name, other in (("depth", depth.metres), ("image", image)):
        if other is not None and other.shape[:2] != mask.shape:
            raise InputError(f"the {name} is {other.shape[1]} x {other.shape[0]} pixels, but the mask "
                             f"{mask.shape[1]} x {mask.shape[0]}: register depth to the colour image")
    if not mask.any():
        raise InputError("the mask is empty")


def _window(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the mask and of what touches it."""
    x1, y1, x2, y2 = (int(edge) for edge in mask_box(mask))
    return slice(max(0, y1 - _MARGIN), y2 + _MARGIN), slice(max(0, x1 - _MARGIN), x2 + _MARGIN)


def _surface(z: np.ndarray, seen: np.ndarray, jump: np.ndarray, xyz: np.ndarray) -> np.ndarray:
    """Those of the `seen` pixels that are on the object's surface, bool [h, w].

    Dropped are flying pixels, which a sensor sets between a near and a far surface, and whatever is not connected to
    the largest connected surface and not near it either, such as background that the mask's edge strayed over.
    """
    flying = np.zeros_like(seen)
    padded = np.pad(z, 1, constant_values=np.nan)
    height, width = z.shape
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        ahead = padded[1 + dy:1 + dy + height, 1 + dx:1 + dx + width] - z
        behind = z - padded[1 - dy:1 - dy + height, 1 - dx:1 - dx + width]
        flying |= (np.minimum(ahead, behind) > jump) | (np.maximum(ahead, behind) < -jump)
    seen = seen & ~flying
    # Pixels and the links between them as one binary picture, whose connected parts are the connected surfaces.
    lattice = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    lattice[::2, ::2] = seen
    lattice[::2, 1::2] = seen[:, 1:] & seen[:, :-1] & (np.abs(np.diff(z, axis=1)) <= jump[:, 1:])
    lattice[1::2, ::2] = seen[1:] & seen[:-1] & (np.abs(np.diff(z, axis=0)) <= jump[1:])
    labels = cv2.connectedComponents(lattice, connectivity=4)[1][::2, ::2]
    sizes = np.bincount(labels[seen], minlength=1)
    if not sizes.any():
        return seen
    largest = int(sizes.argmax())
    main = _sampled(xyz[labels == largest], 500)
    near = max(0.02, 0.1 * float(np.linalg.norm(np.ptp(main, axis=0))))
    surface = labels == largest
    for part in np.flatnonzero(sizes >= max(3, sizes[largest] // 200)):
        pixels = labels == part
        if part != largest and np.linalg.norm(main - _sampled(xyz[pixels], 50)[:, None], axis=2).min() < near:
            surface |= pixels
    return surface & seen


# --- what the object stands on ----------------------------------------------------------------------------------------

@dataclass(frozen=True, eq=False)
class _Support:
    """The level below an object: points p with p @ up = level are on it."""

    up: np.ndarray
    level: float
    up_from: str

    def heights(self, xyz: np.ndarray) -> np.ndarray:
        return xyz @ self.up - self.level

    def above(self, xyz: np.ndarray) -> np.ndarray:
        """Which points are not the support itself, where the mask's edge strayed over it."""
        heights = self.heights(xyz)
        above = heights > min(0.005, 0.2 * np.percentile(heights, 98))
        return above if above.sum() >= _LEAST_POINTS else np.ones(len(xyz), bool)


def _surroundings(mask: np.ndarray, depth: Depth, directions: np.ndarray, objects: np.ndarray) -> np.ndarray:
    """Some of the points, float64 [N, 3], around the object and not on it; those near it are the likeliest."""
    stride = max(1, round(np.sqrt(mask.size / 20_000)))
    z = depth.metres[::stride, ::stride]
    wide = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8))[::stride, ::stride]
    known = (wide == 0) & np.isfinite(z) & (z > 0) & np.isfinite(directions[::stride, ::stride, 0])
    xyz = directions[::stride, ::stride][known] * z[known, None].astype(np.float64)
    middle = np.median(objects, axis=0)
    size = np.percentile(np.linalg.norm(objects - middle, axis=1), 95)
    distance = np.linalg.norm(xyz - middle, axis=1)
    # A fixed draw, so that the same picture gives the same answer.
    likely = np.random.default_rng(0).random(len(xyz)) < 1 / (1 + (distance / (2 * size + 0.10)) ** 4)
    return _sampled(xyz[likely], 1500)


def _touched(inside: np.ndarray, surface: np.ndarray, z: np.ndarray, jump: np.ndarray) -> np.ndarray:
    """Where the surface goes on beyond the mask's edge without a jump, bool [h, w]: what the object touches."""
    kernel = np.ones((2 * _MARGIN - 3,) * 2, np.uint8)
    close = cv2.dilate(inside.astype(np.uint8), np.ones((5, 5), np.uint8))
    beyond = cv2.dilate(inside.astype(np.uint8), kernel) > close
    nearest = cv2.erode(np.where(surface, z, np.inf), kernel)
    farthest = cv2.dilate(np.where(surface, z, -np.inf), kernel)
    return beyond & (z >= nearest - jump) & (z <= farthest + jump)


def _find_support(objects: np.ndarray, around: np.ndarray, touched: np.ndarray, up: np.ndarray | None) -> _Support:
    """What an object stands on, from points [., 3] of the object, around it, and of what it touches."""
    tolerance = 0.003 + 0.003 * float(np.median(objects[:, 2])) ** 2
    level = None
    if up is not None:
        up, up_from = np.asarray(up, np.float64) / np.linalg.norm(up), "given"
        level = _densest_level(around @ up, objects @ up, tolerance)
    elif (plane := _fit_plane(around, objects, tolerance)) is not None:
        (up, level), up_from = plane, "support"
    else:
        up, up_from = np.array([0.0, -1.0, 0.0]), "camera"
    low, middle = np.percentile(objects @ up, (1, 50))
    contacts = touched @ up
    contacts = contacts[contacts < middle]
    if len(contacts) >= 10:
        contact = float(np.percentile(contacts, 25))
        # A plane of many pixels is the better measure, if that is what it stands on.
        if level is None or abs(contact - level) > 2.5 * tolerance:
            level = contact
    return _Support(up, float(low) if level is None else level, up_from)


def _fit_plane(around: np.ndarray, objects: np.ndarray, tolerance: float) -> tuple[np.ndarray, float] | None:
    """The plane, (normal, level), that most points around lie on and that has object and camera above it.

    RANSAC (Fischler and Bolles, 1981) over triples, then least squares over the points that agree.
    """
    if len(around) < 50:
        return None
    a, b, c = around[np.random.default_rng(0).integers(len(around), size=(3, 200))]
    normals = np.cross(b - a, c - a)
    lengths = np.linalg.norm(normals, axis=1)
    proper = lengths > 1e-6
    normals, a = normals[proper] / lengths[proper, None], a[proper]
    # The camera is at the origin, above the plane: its level is negative.
    normals[(normals * a).sum(1) > 0] *= -1
    levels = (normals * a).sum(1)
    above = (objects @ normals.T > levels - 2 * tolerance).mean(0) > 0.9
    agreeing = (np.abs(around @ normals.T - levels) < tolerance).sum(0) * above
    if not agreeing.size or agreeing.max() < 0.2 * len(around):
        return None
    normal, level = normals[agreeing.argmax()], levels[agreeing.argmax()]
    for _ in range(3):
        agree = around[np.abs(around @ normal - level) < tolerance]
        middle = agree.mean(0)
        refined = np.linalg.svd(agree - middle, full_matrices=False)[2][2]
        normal = refined if refined @ normal > 0 else -refined
        level = float(normal @ middle)
    return normal, level


def _densest_level(around: np.ndarray, of_object: np.ndarray, tolerance: float) -> float | None:
    """The level that most of the heights `around` share, among those that the object is above."""
    levels = around[around < np.percentile(of_object, 10) + 2 * tolerance]
    if len(levels) < 50:
        return None
    near = np.abs(levels[:, None] - levels) < tolerance
    return float(levels[near[near.sum(0).argmax()]].mean())


# --- box and grasp ----------------------------------------------------------------------------------------------------

def _fit_box(xyz: np.ndarray, support: _Support) -> OrientedBox:
    """The smallest upright box on the support; where round sides are seen, their hidden half is added."""
    xyz = _sampled(xyz, _SAMPLE)
    level_axes = np.stack(_level_axes(support.up))
    flat, heights = xyz @ level_axes.T, support.heights(xyz)
    height = max(float(np.percentile(heights, 99.5)), 1e-3)
    viewer = -flat.mean(0)
    if (disc := _fit_disc(flat, viewer)) is not None:
        # Turned so that the fingers close across the line of sight, where both its sides are seen.
        middle, radius = disc
        sides = np.stack([viewer, (-viewer[1], viewer[0])]) / np.linalg.norm(viewer)
        middle, size = sides @ middle, np.array([2 * radius, 2 * radius])
    else:
        angle = _rectangle_angle(flat)
        sides = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        low, high = _extent(flat @ sides.T)
        if (high - low)[1] > (high - low)[0]:
            sides = np.stack([sides[1], -sides[0]])
            low, high = _extent(flat @ sides.T)
        middle, size = (low + high) / 2, high - low
        # A lying cylinder: across its longer side it is a disc, as high as itself.
        section = np.column_stack([flat @ sides[1], heights])
        disc = _fit_disc(section, np.array([viewer @ sides[1], -support.level]))
        if disc is not None and abs(2 * disc[1] / height - 1) < 0.25:
            middle[1], size[1] = disc[0][0], 2 * disc[1]
    axes = np.column_stack([*(sides @ level_axes), support.up])
    centre = axes @ np.array([*middle, support.level + height / 2])
    return OrientedBox(centre, axes, np.array([*size, height]))


def _fit_disc(flat: np.ndarray, viewer: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Middle [2] and radius of the disc whose rim points [P, 2] show to a viewer in direction [2]; None for no disc.

    The outline nearest to the viewer must be an arc of a circle (least squares, Kasa 1976) that is as wide as all
    points are and that holds them. The outline of a box, however turned, is off by 8 % of the radius or more.
    """
    viewer = viewer / np.linalg.norm(viewer)
    sides = np.array([[-viewer[1], viewer[0]], viewer])
    across, towards = sides @ flat.T
    low, high = _extent(across)
    bins = np.floor((across - low) / (high - low + 1e-9) * 26).astype(int)
    rim = np.array([(np.median(across[bins == i]), np.percentile(towards[bins == i], 99))
                    for i in range(1, 25) if (bins == i).sum() >= 3])
    if len(rim) < 18:
        return None
    solved = np.linalg.lstsq(np.column_stack([2 * rim, np.ones(len(rim))]), (rim**2).sum(1), rcond=None)[0]
    middle, radius = solved[:2], float(np.sqrt(solved[2] + solved[:2] @ solved[:2]))
    strays = np.linalg.norm(rim - middle, axis=1) / radius - 1
    reach = np.percentile(np.linalg.norm(np.column_stack([across, towards]) - middle, axis=1), 97)
    width, depth = (high - low) / radius, np.ptp(_extent(towards)) / radius
    # A bent thing that shows its outer side is an arc too, but a shallow one.
    if np.sqrt((strays**2).mean()) > 0.05 or not 1.6 < width < 2.3 or depth < 0.8 or reach > 1.1 * radius:
        return None
    return middle @ sides, radius


def _rectangle_angle(flat: np.ndarray) -> float:
    """The angle, radians, of the rectangle that fits points [P, 2] best."""
    angles = np.radians(np.arange(0, 90, 3.0))
    best = angles[_misfits(flat, angles).argmin()]
    angles = best + np.radians(np.arange(-3, 3.01, 0.2))
    return float(angles[_misfits(flat, angles).argmin()])


def _misfits(flat: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """How badly rectangles at `angles` [K] fit: by their area, and by how far points are from the nearest side.

    The area alone says nothing where only two sides of a box are seen and not its top; nearness to sides, by which
    laser scanners fit cars (Zhang et al., "Efficient L-shape fitting", 2017), decides there.
    """
    cos, sin = np.cos(angles), np.sin(angles)
    sides, nearest = [], np.inf
    for axis in ([cos, sin], [-sin, cos]):
        along = flat @ np.stack(axis)
        low, high = _extent(along)
        sides.append(high - low)
        nearest = np.minimum(nearest, np.abs(np.minimum(along - low, high - along)))
    area = sides[0] * sides[1]
    return area * (1 + 4 * nearest.mean(0) / np.sqrt(area + 1e-12))


def _extent(values: np.ndarray) -> np.ndarray:
    """Low and high end, [2] or [2, K], of values [P] or of each column of [P, K], but for a few outliers."""
    return np.percentile(values, (0.4, 99.6), axis=0)


def _fit_grasp(xyz: np.ndarray, box: OrientedBox) -> Grasp:
    """Across the middle of the box, between the object's own surfaces there: a bent thing does not fill its box."""
    along, across = ((xyz - box.centre) @ box.axes[:, :2]).T
    slice_ = across[np.abs(along) < max(0.01, 0.05 * box.size[0])]
    half = box.size[1] / 2
    low, high = _extent(slice_) if len(slice_) >= _LEAST_POINTS else (-half, half)
    closing = box.axes[:, 1]
    return Grasp(box.centre + closing * (low + high) / 2, closing, -box.axes[:, 2], float(high - low))


def _level_axes(up: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two unit vectors across `up`: the frame's x axis laid level (its y axis where x is upright), and up x that."""
    x = np.array([1.0, 0.0, 0.0]) if abs(up[0]) < 0.9 else np.array([0.0, 1.0, 0.0])
    ahead = x - up * (x @ up)
    ahead /= np.linalg.norm(ahead)
    return ahead, np.cross(up, ahead)


def _sampled(points: np.ndarray, most: int) -> np.ndarray:
    """At most so many of the points, evenly taken."""
    return points if len(points) <= most else points[np.linspace(0, len(points) - 1, most).astype(int)]
