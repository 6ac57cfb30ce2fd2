"""Off-screen rendering of scenes with MuJoCo: image, depth and exact masks."""

from __future__ import annotations

import importlib.util
import os
import sys
from dataclasses import replace
from typing import Any

import numpy as np

from ris_ros.errors import MissingError
from ris_ros.sim import effects
from ris_ros.sim.meshes import corner_normals
from ris_ros.sim.poses import TABLE_HALF, TABLE_HEIGHT, camera_pose, intrinsics, pose
from ris_ros.sim.scene import Light, Rendering, Scene, SceneObject
from ris_ros.sim.shapes import COLOURS, MATERIALS
from ris_ros.sim.styles import PLAIN, STYLES, Style
from ris_ros.sim.textures import texture
from ris_ros.sim.variants import DISTRACTORS, catalogue

if sys.platform == "linux" and "DISPLAY" not in os.environ:
    os.environ.setdefault("MUJOCO_GL", "egl")

_SPECULAR = {"metal": 0.7, "paper": 0.05}
"""Specular reflection by material, 0..1, where it differs from that of the look."""
_TEXTURE_SIZE = 0.12
"""Extent, metres, that an object's texture covers once."""
_MAX_LIGHTS = 7
"""Lights that the graphics library draws, besides the camera's own."""
_NEAR_PLANE, _FAR_PLANE = 0.05, 25.0
"""Clipping planes, metres from the camera."""


class Renderer:
    """A renderer of scenes; the first one creates the graphics context, which lives until :meth:`close`.

    The MuJoCo model contains only the surroundings and the meshes of one style. It is compiled anew when a scene has
    another style than the last one. The objects of a scene are added directly to the list of geometries to draw, as
    compiling a model for every scene would be slow.

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
        except (ImportError, OSError, AttributeError, RuntimeError) as error:  # It loads the graphics library.
            raise _graphics_error() from error
        self._mujoco = mujoco
        self._renderer: Any = None
        self._load(STYLES[PLAIN])

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the graphics context; a later :meth:`render` creates a new one."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None

    def _load(self, style: Style) -> None:
        """Compile the model of a style."""
        self.close()
        self._style = style.name
        self._model, self._meshes = _compile(self._mujoco, style)
        self._data = self._mujoco.MjData(self._model)
        self._mujoco.mj_forward(self._model, self._data)

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
        distractors = None
        if scene.distractors:
            distractors = np.where(kinds == self._mujoco.mjtObj.mjOBJ_SITE, ids, 0).astype(np.int32)
        return Rendering(effects.apply(scene.look.effects, image, depth), depth, instances, intrinsics(scene),
                         camera_pose(scene), distractors)

    def _prepare(self, scene: Scene) -> Any:
        """Set camera, light, surroundings and objects, and return the MuJoCo renderer."""
        if scene.look.style != self._style:
            self._load(STYLES[scene.look.style])
        camera, model, data = scene.camera, self._model, self._data
        if self._renderer is None or (self._renderer.width, self._renderer.height) != (camera.width, camera.height):
            self.close()
            model.vis.global_.offwidth, model.vis.global_.offheight = camera.width, camera.height
            try:
                self._renderer = self._mujoco.Renderer(model, camera.height, camera.width, max_geom=200)
            except (self._mujoco.FatalError, _opengl_error(), AttributeError, ImportError, OSError, RuntimeError
                    ) as error:
                raise _graphics_error() from error
        model.cam_fovy[0] = camera.fovy
        optical = camera_pose(scene)
        data.cam_xpos[0] = optical[:3, 3]
        data.cam_xmat[0] = (optical[:3, :3] * (1, -1, -1)).ravel()      # MuJoCo's cameras: y up, z backward.
        self._set_light(scene)
        self._set_surroundings(scene)
        self._renderer.update_scene(data, camera=0)
        for index, obj in enumerate(scene.objects):
            self._add_object(scene, obj, *pose(scene, index), index + 1, self._mujoco.mjtObj.mjOBJ_BODY)
        alone = replace(scene, objects=scene.distractors)
        for index, thing in enumerate(scene.distractors):
            self._add_object(alone, thing, *pose(alone, index), index + 1, self._mujoco.mjtObj.mjOBJ_SITE)
        return self._renderer

    def _set_light(self, scene: Scene) -> None:
        model, data, look = self._model, self._data, scene.look
        lights = look.lights or (Light(scene.light_position, (scene.light_intensity,) * 3, shadow=True),)
        model.vis.headlight.ambient[:], model.vis.headlight.diffuse[:] = look.ambient, look.headlight
        for number in range(model.nlight):
            model.light_active[number] = number < len(lights)
        for number, light in enumerate(lights):
            position = np.array(light.position)
            data.light_xpos[number] = position
            data.light_xdir[number] = -position / np.linalg.norm(position)
            model.light_diffuse[number] = light.rgb
            model.light_castshadow[number] = light.shadow

    def _set_surroundings(self, scene: Scene) -> None:
        model, look = self._model, scene.look
        if look.style == PLAIN:
            model.mat_rgba[model.mat("wood").id, :3] = model.mat_rgba[model.mat("plain").id, :3] = scene.table_rgb
            model.mat_rgba[model.mat("floor").id, :3] = scene.floor_rgb
            model.geom_matid[model.geom("table").id] = model.mat("wood" if scene.wood else "plain").id
            return
        for geom, name, rgb in (("table", look.table, scene.table_rgb), ("floor", look.floor, scene.floor_rgb),
                                ("wall", look.wall, look.wall_rgb)):
            material = model.mat(f"{geom} {name}").id
            model.mat_rgba[material, :3] = rgb
            model.geom_matid[model.geom(geom).id] = material
        extents = 1 if look.round_table else 2
        model.geom_size[model.geom("table").id, :extents] = np.array(TABLE_HALF[:extents]) * look.table_size
        # The wall is behind the table as the camera sees it; no wall is one far below the floor.
        away = np.array(scene.camera.target[:2]) - scene.camera.position[:2]
        away /= np.linalg.norm(away)
        wall = model.geom("wall").id
        self._data.geom_xpos[wall] = (*(away * look.wall_distance), 0.0 if look.wall else -50.0)
        self._data.geom_xmat[wall] = np.array([[away[1], away[0], 0], [-away[0], away[1], 0], [0, 0, 1]]).ravel()

    def _add_object(self, scene: Scene, obj: SceneObject, orientation: np.ndarray, translation: np.ndarray,
                    number: int, kind: int) -> None:
        drawn, look = self._renderer.scene, scene.look
        pattern = look.textures[number % len(look.textures)]
        for material in obj.shape.parts:
            mesh, centre, axes = self._meshes[obj.catalogue, obj.category, material]
            geom = drawn.geoms[drawn.ngeom]
            # The renderer multiplies vertices by this matrix, so it can include the scale.
            self._mujoco.mjv_initGeom(geom, self._mujoco.mjtGeom.mjGEOM_MESH, np.ones(3),
                                      orientation @ centre * obj.scale + translation,
                                      (orientation @ axes * obj.scale).ravel(),
                                      np.array([*_rgb(obj, material), 1], np.float32))
            geom.dataid = 2 * mesh
            geom.objtype, geom.objid = kind, number
            geom.segid = drawn.ngeom
            geom.category = self._mujoco.mjtCatBit.mjCAT_DYNAMIC
            geom.specular, geom.shininess = _SPECULAR.get(material, look.specular), look.shininess
            if pattern:
                geom.matid, geom.texcoord = self._model.mat(f"object {pattern}").id, 1
            drawn.ngeom += 1


def _rgb(obj: SceneObject, material: str) -> np.ndarray:
    """Return the colour of an object's part, float [3], 0..1."""
    if material in MATERIALS:
        return np.array(MATERIALS[material])
    return np.array(COLOURS[obj.colour].rgb(obj.tint)) * (0.72 if material == "trim" else 1.0)


_Meshes = dict[tuple[str, str, str], tuple[int, np.ndarray, np.ndarray]]
"""(catalogue, category, material) -> id, position [3] and axes [3, 3] of the frame that MuJoCo moved the mesh to."""


def _compile(mujoco: Any, style: Style) -> tuple[Any, _Meshes]:
    """Compile MuJoCo's model of a style's surroundings and meshes; return it with its meshes."""
    spec = mujoco.MjSpec()
    spec.stat.extent, spec.stat.center = 1.0, (0, 0, 0)
    spec.visual.map.znear, spec.visual.map.zfar = _NEAR_PLANE, _FAR_PLANE
    spec.visual.map.shadowclip = 1.5
    spec.visual.quality.shadowsize, spec.visual.quality.offsamples = 4096, 4
    spec.visual.headlight.ambient, spec.visual.headlight.diffuse = (0.40,) * 3, (0.22,) * 3
    spec.visual.headlight.specular = (0.05,) * 3
    _add_surroundings(mujoco, spec, style)
    parts = {(name, category, part): mesh
             for name in (*style.catalogues, *([DISTRACTORS] if style.distractors[1] else []))
             for category, shape in catalogue(name).items() for part, mesh in shape.parts.items()}
    for name, category, part in parts:
        crease = catalogue(name)[category].crease
        corners, normals = corner_normals(parts[name, category, part], crease)
        mesh = spec.add_mesh(name=f"{name} {category} {part}", uservert=corners.ravel(), usernormal=normals.ravel(),
                             userface=np.arange(len(corners)), inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL)
        if any(style.object_textures):
            mesh.usertexcoord = _texture_coordinates(corners).ravel()
    model = spec.compile()
    meshes = {}
    for key in parts:
        mesh, axes = model.mesh(" ".join(key)).id, np.empty(9)
        mujoco.mju_quat2Mat(axes, model.mesh_quat[mesh])
        meshes[key] = mesh, model.mesh_pos[mesh].copy(), axes.reshape(3, 3)
    return model, meshes


def _add_surroundings(mujoco: Any, spec: Any, style: Style) -> None:
    """Add table, floor, wall, camera and lights, and one material for each texture of each of them."""
    textures = [("wood", "wood", (1, 1)), ("floor", "tile", (12, 12)), ("plain", "", (1, 1))]
    if style.name != PLAIN:
        textures = [(f"{geom} {name}", name, repeat) for geom, names, repeat in (
            ("table", style.table_textures, (2, 2)), ("floor", style.floor_textures, (12, 12)),
            ("wall", (*style.wall_textures, ""), (6, 2)), ("object", style.object_textures, (1, 1)))
            for name in sorted(set(names))]
    for name, pattern, repeat in textures:
        material = spec.add_material(name=name, specular=0.15, shininess=0.3, texrepeat=repeat, texuniform=False)
        if pattern:
            pixels = texture(pattern)
            image = spec.add_texture(name=name, type=mujoco.mjtTexture.mjTEXTURE_2D, nchannel=3)
            image.height, image.width = pixels.shape[:2]
            image.data = pixels.tobytes()
            material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    world, shapes = spec.worldbody, mujoco.mjtGeom
    table, size = (shapes.mjGEOM_CYLINDER, (TABLE_HALF[0], 0.0175, 0)) if style.round_table else \
        (shapes.mjGEOM_BOX, (*TABLE_HALF, 0.0175))
    world.add_geom(name="table", type=table, size=size, pos=(0, 0, -0.0175), material=textures[0][0])
    world.add_geom(name="floor", type=shapes.mjGEOM_PLANE, size=(11, 11, 0.1), pos=(0, 0, -TABLE_HEIGHT),
                   material=next(name for name, _, _ in textures if name.startswith("floor")))
    if style.name != PLAIN:
        world.add_geom(name="wall", type=shapes.mjGEOM_BOX, size=(6, 0.05, 3), material="wall ")
    world.add_camera()
    for _ in range(1 if style.name == PLAIN else _MAX_LIGHTS):
        world.add_light(type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, castshadow=True, ambient=(0, 0, 0),
                        specular=(0.3,) * 3)


def _texture_coordinates(corners: np.ndarray) -> np.ndarray:
    """Project the corners of all faces, [3 F, 3], along the axis that each face is nearest to, float [3 F, 2]."""
    faces = corners.reshape(-1, 3, 3)
    normals = np.abs(np.cross(faces[:, 1] - faces[:, 0], faces[:, 2] - faces[:, 0]))
    kept = np.array([(1, 2), (0, 2), (0, 1)])[normals.argmax(1)]
    return np.take_along_axis(faces, kept[:, None, :].repeat(3, 1), axis=2).reshape(-1, 2) / _TEXTURE_SIZE


def _opengl_error() -> type[Exception]:
    """Return the base of the exceptions of PyOpenGL, which MuJoCo renders with."""
    from OpenGL.error import Error

    base: type[Exception] = Error
    return base


def _graphics_error() -> MissingError:
    return MissingError("MuJoCo cannot open an off-screen OpenGL context; on Debian and Ubuntu: apt-get install "
                        "libegl1 libgl1-mesa-dri libgles2, and MUJOCO_GL=egl")
