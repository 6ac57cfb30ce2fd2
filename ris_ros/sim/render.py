"""Off-screen rendering of scenes with MuJoCo: image, depth and exact masks."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any

import numpy as np

from ris_ros.errors import MissingError
from ris_ros.sim.meshes import corner_normals
from ris_ros.sim.poses import TABLE_HALF, TABLE_HEIGHT, camera_pose, intrinsics, pose
from ris_ros.sim.scene import Rendering, Scene, SceneObject
from ris_ros.sim.shapes import CATEGORIES, COLOURS, MATERIALS

if sys.platform == "linux" and "DISPLAY" not in os.environ:
    os.environ.setdefault("MUJOCO_GL", "egl")

_SPECULAR = {"metal": 0.7, "paper": 0.05}
"""Specular reflection by material, 0..1, where it differs from _DEFAULT_SPECULAR."""
_DEFAULT_SPECULAR = 0.25
_NEAR_PLANE, _FAR_PLANE = 0.05, 25.0
"""Clipping planes, metres from the camera."""


class Renderer:
    """A renderer of scenes; the first one creates the graphics context, which lives until :meth:`close`.

    The MuJoCo model contains only the surroundings and the meshes. The objects of a scene are added directly to the
    list of geometries to draw, as compiling a model for every scene would be slow.

    Raises
    ------
    MissingError
        Here or from the first :meth:`render`, if MuJoCo or off-screen OpenGL is missing.

    """

    def __init__(self) -> None:
        if importlib.util.find_spec("mujoco") is None:
            raise MissingError("the simulated tabletop needs MuJoCo: pip install 'ris_ros[sim]'")
        try:
            # Triton, which torch brings, and Mesa each contain an LLVM. A process that loads Mesa's first crashes when
            # it imports Triton's.
            if importlib.util.find_spec("triton") is not None:
                import triton  # noqa: F401
            import mujoco
        except Exception as error:      # The import loads the graphics library, which may raise any exception.
            raise _graphics_error() from error
        self._mujoco = mujoco
        self._model, self._meshes = _compile(mujoco)
        self._data = mujoco.MjData(self._model)
        mujoco.mj_forward(self._model, self._data)
        self._renderer: Any = None

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the graphics context; a later :meth:`render` creates a new one."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def render(self, scene: Scene) -> Rendering:
        """Render a scene as its camera sees it."""
        renderer = self._prepare(scene)
        image = renderer.render()
        renderer.enable_depth_rendering()
        depth = renderer.render()
        renderer.enable_segmentation_rendering()
        ids, kinds = np.moveaxis(renderer.render(), -1, 0)
        renderer.disable_segmentation_rendering()
        instances = np.where(kinds == self._mujoco.mjtObj.mjOBJ_BODY, ids, 0).astype(np.int32)
        return Rendering(image, depth, instances, intrinsics(scene), camera_pose(scene))

    def _prepare(self, scene: Scene) -> Any:
        """Set camera, light, surroundings and objects, and return the MuJoCo renderer."""
        camera, model, data = scene.camera, self._model, self._data
        if self._renderer is None or (self._renderer.width, self._renderer.height) != (camera.width, camera.height):
            self.close()
            model.vis.global_.offwidth, model.vis.global_.offheight = camera.width, camera.height
            try:
                self._renderer = self._mujoco.Renderer(model, camera.height, camera.width, max_geom=200)
            except Exception as error:
                raise _graphics_error() from error
        model.cam_fovy[0] = camera.fovy
        optical = camera_pose(scene)
        data.cam_xpos[0] = optical[:3, 3]
        data.cam_xmat[0] = (optical[:3, :3] * (1, -1, -1)).ravel()      # MuJoCo's cameras: y up, z backward.
        position = np.array(scene.light_position)
        data.light_xpos[0] = position
        data.light_xdir[0] = -position / np.linalg.norm(position)
        model.light_diffuse[0] = scene.light_intensity
        model.mat_rgba[model.mat("wood").id, :3] = model.mat_rgba[model.mat("plain").id, :3] = scene.table_rgb
        model.mat_rgba[model.mat("floor").id, :3] = scene.floor_rgb
        model.geom_matid[model.geom("table").id] = model.mat("wood" if scene.wood else "plain").id
        self._renderer.update_scene(data, camera=0)
        for index in range(len(scene.objects)):
            self._add_object(scene, index)
        return self._renderer

    def _add_object(self, scene: Scene, index: int) -> None:
        drawn, obj = self._renderer.scene, scene.objects[index]
        orientation, translation = pose(scene, index)
        for material in CATEGORIES[obj.category].parts:
            mesh, centre, axes = self._meshes[obj.category, material]
            geom = drawn.geoms[drawn.ngeom]
            # The renderer multiplies vertices by this matrix, so it can include the scale.
            self._mujoco.mjv_initGeom(geom, self._mujoco.mjtGeom.mjGEOM_MESH, np.ones(3),
                                      orientation @ centre * obj.scale + translation,
                                      (orientation @ axes * obj.scale).ravel(),
                                      np.array([*_rgb(obj, material), 1], np.float32))
            geom.dataid = 2 * mesh
            geom.objtype, geom.objid = self._mujoco.mjtObj.mjOBJ_BODY, index + 1
            geom.segid = drawn.ngeom
            geom.category = self._mujoco.mjtCatBit.mjCAT_DYNAMIC
            geom.specular, geom.shininess = _SPECULAR.get(material, _DEFAULT_SPECULAR), 0.4
            drawn.ngeom += 1


def _rgb(obj: SceneObject, material: str) -> np.ndarray:
    """Return the colour of an object's part, float [3], 0..1."""
    if material in MATERIALS:
        return np.array(MATERIALS[material])
    return np.array(COLOURS[obj.colour].rgb(obj.tint)) * (0.72 if material == "trim" else 1.0)


def _compile(mujoco: Any) -> tuple[Any, dict[tuple[str, str], tuple[int, np.ndarray, np.ndarray]]]:
    """Compile the model of surroundings and meshes.

    Returns
    -------
    model : MuJoCo's model
    meshes : (category, material) -> id, position [3] and axes [3, 3] of the frame that MuJoCo has moved the mesh to

    """
    spec = mujoco.MjSpec()
    spec.stat.extent, spec.stat.center = 1.0, (0, 0, 0)
    spec.visual.map.znear, spec.visual.map.zfar = _NEAR_PLANE, _FAR_PLANE
    spec.visual.map.shadowclip = 1.5
    spec.visual.quality.shadowsize, spec.visual.quality.offsamples = 4096, 4
    spec.visual.headlight.ambient, spec.visual.headlight.diffuse = (0.40,) * 3, (0.22,) * 3
    spec.visual.headlight.specular = (0.05,) * 3
    for name, pixels, repeat in (("wood", _wood_texture(), (1, 1)), ("floor", _tile_texture(), (12, 12))):
        texture = spec.add_texture(name=name, type=mujoco.mjtTexture.mjTEXTURE_2D, nchannel=3)
        texture.height, texture.width = pixels.shape[:2]
        texture.data = pixels.tobytes()
        material = spec.add_material(name=name, specular=0.15, shininess=0.3, texrepeat=repeat, texuniform=False)
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    spec.add_material(name="plain", specular=0.15, shininess=0.3)
    world = spec.worldbody
    world.add_geom(name="table", type=mujoco.mjtGeom.mjGEOM_BOX, size=(*TABLE_HALF, 0.0175), pos=(0, 0, -0.0175),
                   material="wood")
    world.add_geom(name="floor", type=mujoco.mjtGeom.mjGEOM_PLANE, size=(11, 11, 0.1), pos=(0, 0, -TABLE_HEIGHT),
                   material="floor")
    world.add_camera()
    world.add_light(type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, castshadow=True, ambient=(0, 0, 0),
                    specular=(0.3,) * 3)
    for category, shape in CATEGORIES.items():
        for part, mesh in shape.parts.items():
            corners, normals = corner_normals(mesh)
            spec.add_mesh(name=f"{category} {part}", uservert=corners.ravel(), usernormal=normals.ravel(),
                          userface=np.arange(len(corners)), inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL)
    model = spec.compile()
    meshes = {}
    for category, shape in CATEGORIES.items():
        for part in shape.parts:
            mesh, axes = model.mesh(f"{category} {part}").id, np.empty(9)
            mujoco.mju_quat2Mat(axes, model.mesh_quat[mesh])
            meshes[category, part] = mesh, model.mesh_pos[mesh].copy(), axes.reshape(3, 3)
    return model, meshes


def _wood_texture() -> np.ndarray:
    """Draw light grey wood, uint8 [512, 512, 3], to be tinted: boards with long fibres and year rings."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[0:1:512j, 0:1:512j]
    board = np.minimum((y * 5).astype(int), 4)
    tone, offset, bend = rng.uniform(-0.05, 0.05, 5)[board], rng.uniform(0, 9, 5)[board], rng.uniform(4, 9, 5)[board]
    rings = np.sin(38 * (y + 0.035 * np.sin(bend * x + offset)) + 4 * np.sin(2.1 * x + offset) + offset)
    fibres = rng.normal(size=(512, 40)).repeat(13, axis=1)[:, :512]
    seam = np.abs(y * 5 - np.round(y * 5)) < 0.012
    grey = 0.90 + tone + 0.045 * rings + 0.022 * fibres - 0.22 * (seam & (y > 0.02) & (y < 0.98))
    return np.repeat((np.clip(grey, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)


def _tile_texture() -> np.ndarray:
    """Draw light grey tiles, uint8 [256, 256, 3], to be tinted."""
    rng = np.random.default_rng(8)
    y, x = np.mgrid[0:256, 0:256]
    joint = (x % 128 < 2) | (y % 128 < 2)
    grey = 0.93 + rng.normal(size=(256, 256)) * 0.012 - 0.16 * joint
    return np.repeat((np.clip(grey, 0, 1) * 255).astype(np.uint8)[..., None], 3, axis=2)


def _graphics_error() -> MissingError:
    return MissingError("MuJoCo cannot open an off-screen OpenGL context; on Debian and Ubuntu: apt-get install "
                        "libegl1 libgl1-mesa-dri libgles2, and MUJOCO_GL=egl")
