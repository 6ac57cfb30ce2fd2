"""Other shapes of the same categories: catalogues that a style of the simulation draws its objects from.

A catalogue is a row of data: outlines of the bodies of revolution and measures of everything else, in millimetres. A
shape of any catalogue stands on, and holds, the same categories as the plain one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from ris_ros.errors import InputError
from ris_ros.sim.meshes import Mesh, box, join, lathe, sweep
from ris_ros.sim.shapes import CATEGORIES, Profile, Shape, circle, curve, lying_tilt, rectangle

Millimetres = Sequence[tuple[float, float]]
"""Outline (radius, z) of a body of revolution, from the underside upwards, without the points on the axis."""

STRETCHES = {"": (1.0, 1.0), " tall": (0.88, 1.14), " wide": (1.13, 0.86)}
"""Suffix of a catalogue's name -> factors on the extents of its shapes: horizontal and vertical."""


@dataclass(frozen=True)
class _Measures:
    """The measures of a catalogue, millimetres.

    Attributes
    ----------
    cup, mug, bowl, plate, bottle, can, vase : outlines
    handle : of the mug: reach, half height, thickness, and squareness from 1 (round)
    cap : of the bottle: radius, height; None without one
    label : lowest and highest point of the bottle's label; None without one
    box : length, width, height
    lid : of the box: "lid", "tape" or "none"
    book : width, length, thickness
    ball : radius, and whether it has a stripe
    block : length, width, height, bevel, and the studs along its length and width
    cone : radius at the foot, radius at the tip, height, half width of the base plate (0: none), and white bands
    round_base : whether that plate is round
    banana : radius of the bend, half its angle (radians), thickness
    spoon : half length and half width of the scoop, length of the handle, its thickness
    pen : radius, half length, and whether it has a cap in a darker shade
    wall : thickness of the vessels
    segments : corners of a body of revolution
    crease : as in Shape

    """

    cup: Millimetres
    mug: Millimetres
    handle: tuple[float, float, float, float]
    bowl: Millimetres
    plate: Millimetres
    bottle: Millimetres
    cap: tuple[float, float] | None
    label: tuple[float, float] | None
    can: Millimetres
    vase: Millimetres
    box: tuple[float, float, float]
    lid: str
    book: tuple[float, float, float]
    ball: tuple[float, bool]
    block: tuple[float, float, float, float, int, int]
    cone: tuple[float, float, float, float, int]
    banana: tuple[float, float, float]
    spoon: tuple[float, float, float, float]
    pen: tuple[float, float, bool]
    round_base: bool = False
    wall: float = 3.0
    segments: int = 40
    crease: float = 40.0


_CATALOGUES: dict[str, _Measures] = {
    # Training: soft outlines, no facets, no studs, no label.
    "rounded": _Measures(
        cup=curve([(26, 0), (36, 10), (41, 40), (40, 70), (38, 84)]),
        mug=curve([(30, 0), (42, 8), (46, 38), (44, 66), (41, 80)]), handle=(28, 24, 5.5, 1.0),
        bowl=curve([(30, 0), (40, 3), (66, 22), (78, 44), (80, 54)]),
        plate=curve([(58, 0), (75, 5), (95, 13), (104, 17)]),
        bottle=curve([(33, 0), (37, 8), (38, 70), (34, 104), (20, 130), (14, 150), (14, 178)]), cap=(15, 16),
        label=None, can=curve([(30, 0), (34, 6), (34, 90), (30, 98)]),
        vase=curve([(30, 0), (46, 24), (62, 70), (56, 110), (34, 140), (30, 156), (44, 172)]), box=(110, 110, 70),
        lid="none", book=(130, 180, 24), ball=(38, True), block=(64, 64, 52, 7, 0, 0), cone=(46, 6, 150, 0, 0),
        banana=(82, 1.05, 19), spoon=(27, 22, 110, 4.5), pen=(9, 66, True)),
    # Training: low-poly, as in games; edges everywhere.
    "faceted": _Measures(
        cup=[(34, 0), (44, 100)], mug=[(40, 0), (40, 92)], handle=(30, 28, 6, 5.0),
        bowl=[(30, 0), (62, 22), (82, 58)], plate=[(66, 0), (70, 4), (108, 18)],
        bottle=[(32, 0), (32, 120), (14, 155), (14, 190)], cap=(17, 20), label=(30, 95),
        can=[(32, 0), (32, 112)], vase=[(34, 0), (58, 64), (26, 140), (26, 160), (40, 188)],
        box=(150, 90, 60), lid="tape", book=(165, 205, 40), ball=(37, False), block=(56, 56, 56, 0, 0, 0),
        cone=(44, 4, 150, 50, 2), banana=(100, 0.85, 18), spoon=(32, 19, 120, 5), pen=(8.5, 78, False),
        round_base=True, segments=9, crease=20),
    # Training: narrow and high; other proportions, with rings and small lids.
    "slim": _Measures(
        cup=[(27, 0), (29, 2), (37, 108), (39, 110)], mug=[(32, 0), (35, 2), (33, 60), (37, 104)],
        handle=(22, 34, 4, 1.6), bowl=[(44, 0), (44, 12), (50, 14), (70, 34), (74, 70)],
        plate=[(52, 0), (54, 2), (84, 4), (92, 14)],
        bottle=[(27, 0), (30, 4), (30, 150), *curve([(29, 156), (20, 172), (10, 186), (10, 208)]), (12, 212)], cap=None,
        label=(52, 128), can=[(26, 3), (28, 8), (28, 128), (25, 136)],
        vase=[(38, 0), (38, 6), *curve([(22, 16), (24, 60), (36, 110), (42, 150)]), (34, 184)], box=(95, 70, 96),
        lid="lid", book=(115, 175, 18), ball=(32, False), block=(96, 40, 34, 1.5, 3, 1), cone=(34, 10, 172, 44, 1),
        banana=(118, 0.80, 15), spoon=(24, 15, 140, 3.5), pen=(6.5, 82, True), wall=2.5),
    # Validation only.
    "office": _Measures(
        cup=[(30, 0), (31, 1), (44, 86), (46, 88)], mug=[(38, 0), (43, 10), (43, 84), (42, 86)],
        handle=(26, 30, 7, 2.2), bowl=[(34, 0), *curve([(50, 4), (72, 30), (78, 62)])],
        plate=[(78, 0), (80, 2), (88, 10), (104, 11)],
        bottle=[(35, 0), (38, 4), (38, 60), (34, 64), (34, 90), (38, 94), (38, 130),
                *curve([(36, 140), (22, 156), (18, 172)])], cap=(20, 24), label=(64, 90),
        can=[(37, 2), (40, 5), (40, 82), (37, 86)],
        vase=[(28, 0), (30, 2), *curve([(40, 40), (44, 90), (36, 150), (40, 180)])],
        box=(125, 85, 85), lid="tape", book=(140, 195, 34), ball=(34, True), block=(72, 48, 36, 4, 2, 2),
        cone=(42, 3, 140, 52, 3), banana=(90, 0.98, 17), spoon=(29, 17, 125, 4), pen=(7.5, 70, True)),
    # Test only: hand-made looking, squat and bulging, coarse.
    "craft": _Measures(
        cup=curve([(34, 0), (41, 10), (40, 36), (42, 62), (47, 76)]),
        mug=curve([(44, 0), (50, 20), (46, 48), (50, 70)]), handle=(24, 20, 8, 3.0),
        bowl=[(50, 0), (54, 4), (60, 18), (84, 34), (86, 44)], plate=[(40, 0), (42, 6), (100, 10), (106, 22)],
        bottle=curve([(24, 0), (40, 14), (46, 50), (34, 92), (18, 108), (16, 140), (20, 152)]), cap=(13, 12),
        label=None, can=[(40, 0), (42, 3), (42, 30), (40, 32), (42, 34), (42, 62), (40, 66)],
        vase=curve([(44, 0), (40, 14), (24, 40), (40, 90), (54, 130), (36, 160), (46, 176)]),
        box=(120, 78, 110), lid="tape", book=(120, 160, 48), ball=(40, False), block=(90, 60, 48, 14, 0, 0),
        cone=(56, 14, 120, 0, 2), banana=(74, 1.15, 21), spoon=(24, 24, 100, 6), pen=(10, 60, False), segments=14,
        crease=60),
    # Test only: turned, with many rings; octagonal.
    "antique": _Measures(
        cup=[(32, 0), (36, 4), (33, 12), (35, 18), (40, 60), (43, 92)],
        mug=[(44, 0), (46, 6), (40, 12), (36, 84), (40, 90), (40, 96)], handle=(32, 34, 5, 1.3),
        bowl=[(40, 0), (44, 6), (42, 10), (64, 26), (80, 52), (86, 54)],
        plate=[(64, 0), (66, 8), (96, 8), (100, 16), (106, 18)],
        bottle=[(36, 0), (40, 4), (40, 90), (30, 112), (30, 120), (14, 136), (12, 184), (16, 186), (16, 194)],
        cap=(9, 22), label=(20, 70), can=[(30, 0), (34, 4), (31, 16), (31, 96), (34, 108), (30, 114)],
        vase=[(40, 0), (42, 8), (22, 24), (28, 34), (56, 84), (58, 104), (24, 150), (38, 184)], box=(140, 104, 62),
        lid="lid", book=(155, 215, 55), ball=(33, True), block=(76, 76, 30, 3, 2, 2), cone=(38, 8, 165, 46, 1),
        banana=(108, 0.9, 20), spoon=(36, 20, 115, 3.5), pen=(7.5, 84, True), round_base=True, segments=8, crease=30),
}

DISTRACTORS = "distractors"
"""The catalogue of shapes that are no category."""


@cache
def catalogue(name: str) -> dict[str, Shape]:
    """Return the shapes of a catalogue by category; a suffix of STRETCHES stretches them all.

    Raises
    ------
    InputError
        If there is no such catalogue.

    """
    if name == "plain":
        return CATEGORIES
    if name == DISTRACTORS:
        return _distractors()
    base, _, suffix = name.partition(" ")
    if (base != "plain" and base not in _CATALOGUES) or (suffix and f" {suffix}" not in STRETCHES):
        raise InputError(f"no catalogue {name!r}; there are plain, {', '.join(_CATALOGUES)}, each also with "
                         f"{' or '.join(repr(stretch) for stretch in STRETCHES if stretch)}")
    shapes = CATEGORIES if base == "plain" else _build(_CATALOGUES[base])
    return {category: _stretched(category, shape, *STRETCHES[f" {suffix}"]) for category, shape in shapes.items()} \
        if suffix else shapes


def _stretched(category: str, shape: Shape, horizontal: float, vertical: float) -> Shape:
    if shape.rod is not None or category == "ball":
        vertical = horizontal       # A flat pen is no pen, and an egg no ball.
    factors = (horizontal, horizontal, vertical)
    parts = {part: mesh.transformed(scale=factors) for part, mesh in shape.parts.items()}
    interior = None if shape.interior is None else shape.interior * (horizontal, vertical)
    top = None if shape.top is None else (shape.top[0] * vertical, shape.top[1] * horizontal)
    stretched = replace(shape, parts=parts, interior=interior, top=top,
                        rod=None if shape.rod is None else shape.rod * vertical)
    if shape.lying_tilt is None:
        return stretched
    radius, height = np.linalg.norm(stretched.vertices[:, :2], axis=1), stretched.vertices[:, 2]
    profile = np.unique(np.column_stack([radius, height]).round(5), axis=0)
    return replace(stretched, lying_tilt=lying_tilt([(r, z) for r, z in profile.tolist()]))


def _build(measures: _Measures) -> dict[str, Shape]:
    m = measures
    shapes = {
        "cup": _vessel(m, m.cup), "mug": _mug(m), "bowl": _vessel(m, m.bowl, floor=2.0), "plate": _plate(m),
        "bottle": _bottle(m), "can": _can(m), "vase": _vessel(m, m.vase), "box": _box(m), "book": _book(m),
        "ball": _ball(m), "block": _block(m), "cone": _cone(m), "banana": _banana(m), "spoon": _spoon(m),
        "pen": _pen(m)}
    return {category: replace(shape, carries=CATEGORIES[category].carries, holds=CATEGORIES[category].holds,
                              crease=m.crease) for category, shape in shapes.items()}


def _metres(outline: Millimetres) -> list[tuple[float, float]]:
    return [(r / 1000, z / 1000) for r, z in outline]


def _revolved(m: _Measures, outline: Millimetres) -> Mesh:
    """Revolve an outline to a solid body."""
    profile = _metres(outline)
    return lathe([(0, profile[0][1]), *profile, (0, profile[-1][1])], m.segments)


def _vessel(m: _Measures, outline: Millimetres, floor: float = 3.0) -> Shape:
    """Build a hollow body of revolution; only slim ones can lie on their side."""
    bottom = outline[0][1] + floor + m.wall
    radius, height = zip(*outline, strict=True)
    start = float(np.interp(bottom, height, radius)) - m.wall
    inside = _metres([(0, bottom), (start, bottom), *((r - m.wall, z) for r, z in outline if z > bottom + 1)])
    mesh = lathe([(0, 0), *_metres(outline), *reversed(inside)], m.segments)
    can_lie = height[-1] > 1.6 * max(radius)
    return Shape({"body": mesh}, lying_tilt=lying_tilt(_metres(outline)) if can_lie else None,
                 interior=np.array(inside))


def _mug(m: _Measures) -> Shape:
    vessel = _vessel(m, m.mug)
    reach, half_height, thickness, squareness = (value / 1000 for value in m.handle)
    radius, height = zip(*m.mug, strict=True)
    middle = height[-1] / 2000
    angle = np.linspace(-np.pi / 2, np.pi / 2, 17)

    def rounded(wave: np.ndarray) -> np.ndarray:
        return np.sign(wave) * np.abs(wave) ** (1 / (1000 * squareness))
    z = middle + half_height * rounded(np.sin(angle))
    wall = np.interp(z * 1000, height, radius) / 1000 - 0.001
    path = np.column_stack([wall + reach * rounded(np.cos(angle)).clip(0), 0 * angle, z])
    handle = sweep(path, np.tile([thickness, 0.8 * thickness], (17, 1)), up=(-1, 0, 0.001),
                   segments=min(14, m.segments))
    return Shape({"body": join(vessel.parts["body"], handle)}, interior=vessel.interior)


def _plate(m: _Measures) -> Shape:
    shape = _vessel(m, m.plate, floor=1.0)
    assert shape.interior is not None
    return Shape(shape.parts, top=(float(shape.interior[1, 1]), circle(0.95 * float(shape.interior[1, 0]))))


def _bottle(m: _Measures) -> Shape:
    parts = {"body": _revolved(m, m.bottle)}
    neck, top = m.bottle[-1]
    outline = list(m.bottle)
    if m.label is not None:
        widest = max(r for r, z in m.bottle if m.label[0] <= z <= m.label[1] or z < m.label[1]) + 0.5
        parts["paper"] = _revolved(m, [(widest, m.label[0]), (widest, m.label[1])])
    if m.cap is not None:
        radius, height = m.cap
        parts["trim"] = _revolved(m, [(radius, top - 4), (radius, top + height - 6), (0.9 * radius, top + height - 4)])
        outline += [(max(radius, neck), top - 4), (radius, top + height - 6)]
    return Shape(parts, lying_tilt=lying_tilt(_metres(sorted(outline, key=lambda point: point[1]))))


def _can(m: _Measures) -> Shape:
    radius, top = m.can[-1]
    foot, bottom = m.can[0]
    lids = [_revolved(m, [(radius * 0.98, top - 1), (radius * 0.98, top + 1.5)])]
    if bottom > 0:
        lids.append(_revolved(m, [(foot * 0.95, 0), (foot, bottom)]))
    return Shape({"body": _revolved(m, m.can), "metal": join(*lids)},
                 lying_tilt=lying_tilt(_metres([*m.can, (radius * 0.98, top + 1.5)])) if top > 1.2 * radius else None)


def _box(m: _Measures) -> Shape:
    x, y, z = (value / 1000 for value in m.box)
    parts = {"body": box((x, y, z), bevel=0.0015)}
    top = (z, rectangle(x - 0.004, y - 0.004))
    if m.lid == "lid":
        parts["trim"] = box((x + 0.006, y + 0.006, 0.35 * z), (0, 0, 0.72 * z), bevel=0.002)
        top = (1.07 * z, rectangle(x, y))
    elif m.lid == "tape":
        parts["trim"] = box((x + 0.002, 0.2 * y, z + 0.001), (0, 0, 0))
        top = (z + 0.001, rectangle(x - 0.004, y - 0.004))
    return Shape(parts, top=top)


def _book(m: _Measures) -> Shape:
    x, y, z = (value / 1000 for value in m.book)
    cover = 0.003
    covers = join(box((x, y, cover)), box((x, y, cover), (0, 0, z - cover)),
                  box((cover, y, z - 2 * cover), (cover / 2 - x / 2, 0, cover)))
    pages = box((x - cover - 0.004, y - 0.008, z - 2 * cover), (cover / 2 - 0.002, 0, cover))
    return Shape({"body": covers, "paper": pages}, top=(z, rectangle(x - 0.006, y - 0.006)))


def _ball(m: _Measures) -> Shape:
    radius = m.ball[0] / 1000
    rings = max(7, m.segments // 2) | 1
    angle = np.linspace(-np.pi / 2, np.pi / 2, rings)
    outline = np.column_stack([(radius * np.cos(angle)).round(9), radius + radius * np.sin(angle)])
    body = [(r, z) for r, z in outline.tolist()]
    parts = {"body": lathe(body, m.segments)}
    if m.ball[1]:
        edge = 0.985 * radius
        stripe = [(0, 0.8 * radius), (edge, 0.8 * radius), (1.008 * radius, radius), (edge, 1.2 * radius),
                  (0, 1.2 * radius)]
        parts["trim"] = lathe(stripe, m.segments)
    return Shape(parts)


def _block(m: _Measures) -> Shape:
    x, y, z, bevel = (value / 1000 for value in m.block[:4])
    along, across = m.block[4:]
    body = box((x, y, z), bevel=bevel)
    if not along:
        return Shape({"body": body}, top=(z, rectangle(x - 2 * bevel - 0.004, y - 2 * bevel - 0.004)))
    radius = 0.30 * min(x / along, y / across)
    stud = [(0, z - 0.001), (radius, z - 0.001), (radius, z + 0.007), (0, z + 0.007)]
    studs = [lathe(stud, min(20, m.segments)).transformed(((i + 0.5 - along / 2) * x / along,
                                                            (j + 0.5 - across / 2) * y / across, 0))
             for i in range(along) for j in range(across)]
    return Shape({"body": join(body, *studs)}, top=(z + 0.007, rectangle(x - 0.010, y - 0.010)))


def _cone(m: _Measures) -> Shape:
    foot, tip, height, base, bands = m.cone
    low = 8.0 if base else 0.0

    def radius(z: float) -> float:
        return foot + (tip - foot) * (z - low) / (height - low)
    body = [_revolved(m, [(radius(low), low), (radius(height), height)])]
    if base:
        body.append(_revolved(m, [(base, 0), (base, low), (base - 3, low + 1)]) if m.round_base
                    else box((base / 500, base / 500, low / 1000), bevel=0.002))
    parts = {"body": join(*body)}
    if bands:
        starts = [low + (height - low) * (k + 0.55) / (bands + 0.6) for k in range(bands)]
        width = 0.36 * (height - low) / (bands + 0.6)
        parts["paper"] = join(*(_revolved(m, [(radius(z) + 0.6, z), (radius(z + width) + 0.6, z + width)])
                                for z in starts))
    return Shape(parts)


def _banana(m: _Measures) -> Shape:
    bend, half_angle, thickness = m.banana[0] / 1000, m.banana[1], m.banana[2] / 1000
    along = np.linspace(-1, 1, 25)
    angle = half_angle * along
    rise = np.cos(angle)
    path = np.column_stack([bend * np.sin(angle), bend * (rise - (1 + math.cos(half_angle)) / 2),
                            np.full(25, thickness)])
    radii = thickness * (1 - 0.74 * np.abs(along) ** 3.2)[:, None] * (1, 1)
    tips = [sweep(path[k], radii[k] * 1.03, up=(0, 0, 1)) for k in (slice(0, 2), slice(-2, None))]
    return Shape({"body": sweep(path, radii, up=(0, 0, 1), segments=min(10, m.segments)), "dark": join(*tips)})


def _spoon(m: _Measures) -> Shape:
    half_length, half_width, handle, thickness = (value / 1000 for value in m.spoon)
    hollow: Profile = [(half_width * r, half_width * z) for r, z in curve(
        [(0, 0), (0.55, 0.07), (0.86, 0.27), (1, 0.54)])]
    scoop = lathe([*hollow, (0.97 * half_width, 0.58 * half_width),
                   *((r * 0.93, z + 0.0018) for r, z in reversed(hollow))], min(32, 2 * m.segments))
    t = np.linspace(0, 1, 14)
    start = 0.068 - 2 * half_length
    path = np.column_stack([start + 0.008 - handle * t, 0 * t,
                            0.5 * half_width + 0.010 * np.sin(np.pi * t) * (1 - t) - 0.35 * half_width * t])
    radii = np.column_stack([thickness + 0.0025 * t**2, np.full(14, max(0.55 * thickness, 0.002))])
    scoop = scoop.transformed((0.068 - half_length, 0, 0), scale=(half_length / half_width, 1.0, 1.0))
    return Shape({"body": join(scoop, sweep(path, radii, up=(0, 0, 1)))}, rod=0.008)


def _pen(m: _Measures) -> Shape:
    radius, half, has_cap = m.pen
    lengthwise = np.array([[0, 0, -1], [0, 1, 0], [1, 0, 0]], float)
    sides = 6 if m.segments < 12 else 18

    def revolved(outline: Millimetres) -> Mesh:
        profile = _metres(outline)
        mesh = lathe([(0, profile[0][1]), *profile, (0, profile[-1][1])], sides)
        return mesh.transformed((0, 0, radius / 1000), rotation=lengthwise)
    parts = {"body": revolved([(radius * 0.9, -half), (radius * 0.9, half - 22)]),
             "dark": revolved([(radius * 0.9, half - 22), (radius * 0.35, half - 4), (0.5, half)])}
    if has_cap:
        parts["trim"] = revolved([(radius, -half - 1), (radius, -0.3 * half)])
    return Shape(parts, rod=radius / 1000)


def _distractors() -> dict[str, Shape]:
    """Return shapes that no category's name fits."""
    tube = [(0.034 + 0.011 * math.cos(a), 0.011 + 0.011 * math.sin(a)) for a in np.linspace(0, 2 * np.pi, 13)]
    star = [(0.045 if k % 2 else 0.018) * np.array([math.cos(k * math.pi / 5), math.sin(k * math.pi / 5)])
            for k in range(10)]
    lengthwise = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]], float)
    disc, bar = (lathe([(0, 0), (r, 0), (r, length), (0, length)], 20).transformed(rotation=lengthwise)
                 for r, length in ((0.024, 0.022), (0.008, 0.060)))
    wave = np.linspace(-1, 1, 40)
    snake = np.column_stack([0.075 * wave, 0.022 * np.sin(8 * wave), np.full(40, 0.006)])
    return {
        "ring": Shape({"body": lathe(tube, 32)}),
        "cross": Shape({"body": join(box((0.090, 0.026, 0.022)), box((0.026, 0.090, 0.022)))}),
        "star": Shape({"body": _prism(np.array(star), 0.018)}),
        "gate": Shape({"body": join(*(box((0.018, 0.026, 0.050), (x, 0, 0)) for x in (-0.032, 0.032)),
                                    box((0.100, 0.026, 0.018), (0, 0, 0.049)))}),
        "dumbbell": Shape({"body": join(*(disc.transformed((x, 0, 0.024)) for x in (-0.048, 0.026)),
                                        bar.transformed((-0.030, 0, 0.024)))}),
        "snake": Shape({"body": sweep(snake, np.tile([0.006, 0.006], (40, 1)), up=(0, 0, 1), segments=10)}),
        "steps": Shape({"body": join(*(box((0.075 - 0.022 * k, 0.050, 0.020), (0.011 * k, 0, 0.020 * k))
                                       for k in range(3)))}),
    }


def _prism(outline: np.ndarray, height: float) -> Mesh:
    """Extrude an outline [K, 2], star-shaped about the origin and counter-clockwise, to a height in metres."""
    count = len(outline)
    low, high = np.column_stack([outline, np.zeros(count)]), np.column_stack([outline, np.full(count, height)])
    vertices = np.concatenate([low, high, [(0, 0, 0), (0, 0, height)]])
    a = np.arange(count)
    b = (a + 1) % count
    faces = np.concatenate([
        np.column_stack([a, b, b + count]), np.column_stack([a, b + count, a + count]),
        np.column_stack([b, a, np.full(count, 2 * count)]),
        np.column_stack([a + count, b + count, np.full(count, 2 * count + 1)])])
    return Mesh(vertices, faces.astype(np.int32))
