"""Parametric triangle meshes: bodies of revolution, swept tubes and boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Mesh:
    """A closed surface.

    Attributes
    ----------
    vertices : float64 [V, 3], metres
    faces : int32 [F, 3], counter-clockwise seen from outside

    """

    vertices: np.ndarray
    faces: np.ndarray

    def transformed(self, offset: Sequence[float] = (0, 0, 0), rotation: np.ndarray | None = None,
                    scale: Sequence[float] = (1, 1, 1)) -> Mesh:
        """Return the mesh scaled, then rotated by a matrix [3, 3], then shifted by `offset`, metres."""
        rotated = self.vertices * np.asarray(scale) @ (np.eye(3) if rotation is None else rotation).T
        return Mesh(rotated + np.asarray(offset), self.faces)


def join(*meshes: Mesh) -> Mesh:
    """Join several meshes into one."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return Mesh(np.concatenate([mesh.vertices for mesh in meshes]),
                np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]))


def lathe(profile: Sequence[tuple[float, float]], segments: int = 40) -> Mesh:
    """Revolve a profile of (radius, z) about z.

    The profile starts and ends on the axis and has the solid on its left: up on the outside, down on the inside.
    """
    radius, z = np.asarray(profile, float).T
    angle = np.arange(segments) * 2 * np.pi / segments
    rings = np.stack([np.outer(radius, np.cos(angle)), np.outer(radius, np.sin(angle)),
                      np.repeat(z[:, None], segments, 1)], -1)
    return _loft(rings)


def sweep(path: np.ndarray, radii: np.ndarray, up: Sequence[float], segments: int = 14) -> Mesh:
    """Sweep an ellipse along a path and close both ends.

    Parameters
    ----------
    path : float [N, 3]; it lies in a plane that contains `up`, or in the plane across it
    radii : float [N, 2], half extents across the path: sideways, and along `up`
    up : the direction that `radii[:, 1]` is measured along, as closely as the path allows
    segments : corners of the ellipse

    """
    path = np.asarray(path, float)
    ahead = np.gradient(path, axis=0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    side = np.cross(np.asarray(up, float), ahead)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    above = np.cross(ahead, side)
    # A ring of zero radius at either end closes the tube.
    rings = [0, *range(len(path)), len(path) - 1]
    radii = np.concatenate([np.zeros((1, 2)), np.asarray(radii, float), np.zeros((1, 2))])
    angle = np.arange(segments) * 2 * np.pi / segments
    across = (side[rings][:, None] * (radii[:, :1] * np.cos(angle))[:, :, None]
              + above[rings][:, None] * (radii[:, 1:] * np.sin(angle))[:, :, None])
    return _loft(path[rings][:, None] + across)


def box(size: Sequence[float], offset: Sequence[float] = (0, 0, 0), bevel: float = 0.0) -> Mesh:
    """Build a box with its underside centred on `offset`; `bevel`, metres, rounds its upright edges."""
    x, y, z = np.asarray(size, float) / (2, 2, 1)
    corners = [(x - bevel, y - bevel), (bevel - x, y - bevel), (bevel - x, bevel - y), (x - bevel, bevel - y)]
    angles = np.radians([0, 45, 90]) if bevel else np.array([0.0])
    outline = np.array([(cx + bevel * np.cos(a), cy + bevel * np.sin(a))
                        for k, (cx, cy) in enumerate(corners) for a in angles + k * np.pi / 2])
    inner = outline * (1 - bevel / np.array([x, y]))
    rings = [(outline * 0, 0), (inner, 0), (outline, bevel), (outline, z - bevel), (inner, z), (outline * 0, z)]
    return _loft(np.stack([np.column_stack([ring, np.full(len(ring), h)]) for ring, h in rings])).transformed(offset)


def corner_normals(mesh: Mesh, crease: float = 40.0) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of all faces and their normals, float64 [3 F, 3] each.

    Normals are smoothed across an edge unless its faces meet at more than `crease` degrees.
    """
    faces = mesh.faces
    cross = np.cross(mesh.vertices[faces[:, 1]] - mesh.vertices[faces[:, 0]],
                     mesh.vertices[faces[:, 2]] - mesh.vertices[faces[:, 0]])
    unit = cross / np.linalg.norm(cross, axis=1, keepdims=True)
    by_vertex = np.argsort(faces.ravel(), kind="stable")
    counts = np.bincount(faces.ravel(), minlength=len(mesh.vertices))
    rank = np.arange(faces.size) - np.repeat(np.cumsum(counts) - counts, counts)
    around = np.full((len(mesh.vertices), counts.max()), -1)
    around[faces.ravel()[by_vertex], rank] = by_vertex // 3
    near = around[faces]                                            # [F, 3, most faces around a vertex]
    smoothed = (near >= 0) & ((unit[near] * unit[:, None, None]).sum(-1) > np.cos(np.radians(crease)))
    normals = (cross[near] * smoothed[..., None]).sum(2).reshape(-1, 3)
    return mesh.vertices[faces].reshape(-1, 3), normals / np.linalg.norm(normals, axis=1, keepdims=True)


def _loft(rings: np.ndarray) -> Mesh:
    """Connect neighbouring rings [N, S, 3] by triangles; corners that coincide become one."""
    count, segments = rings.shape[:2]
    index = np.arange(count * segments).reshape(count, segments)
    a, b = index[:-1], np.roll(index[:-1], -1, axis=1)
    c, d = np.roll(index[1:], -1, axis=1), index[1:]
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    vertices, same = np.unique(np.round(rings.reshape(-1, 3), 7), axis=0, return_inverse=True)
    faces = same.reshape(-1)[faces]
    has_area = (faces[:, 0] != faces[:, 1]) & (faces[:, 1] != faces[:, 2]) & (faces[:, 2] != faces[:, 0])
    return Mesh(vertices, faces[has_area].astype(np.int32))
