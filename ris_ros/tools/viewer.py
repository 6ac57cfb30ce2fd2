"""Images and answers in a browser, by Rerun (extra `view`), whose wheel brings its viewer: no network is needed.

The viewer takes plain arrays and the JSON of `~/result`; `viewer_node` receives them from topics.
"""

from __future__ import annotations

import atexit
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from ris_ros.errors import InputError, MissingError, one_line, printable
from ris_ros.serialization import candidate_table
from ris_ros.types import CameraModel
from ris_ros.visualization import GRASP_COLOUR, TARGET_COLOUR

LOCAL_HOST, ALL_HOSTS = "127.0.0.1", "0.0.0.0"
"""Addresses to serve on: for this machine alone, and for every host that reaches it."""
START_SECONDS = 30.0
"""How long the server may take to start."""
MEMORY_LIMIT = "512MB"
"""How much data is kept for browsers that open the page later."""
JPEG_QUALITY = 80
MASK_OPACITY = 0.45
POINT_RADIUS_METRES, GRASP_RADIUS_METRES = 0.001, 0.002
IMAGE_PLANE_METRES = 0.1
"""Distance from the camera at which its image is drawn in the 3-D view."""


class Viewer:
    """Draws into a Rerun recording, which :meth:`serve` or :meth:`save` sends somewhere.

    Stamps are in nanoseconds. Everything is drawn at the stamp of the image that it was computed from.

    Raises
    ------
    MissingError
        When rerun-sdk is not installed.

    """

    def __init__(self) -> None:
        try:
            import rerun
        except ImportError as error:
            raise MissingError("`ris view` needs Rerun: pip install 'ris_ros[view]'") from error
        self._rerun = rerun
        self._recording = rerun.RecordingStream("ris_ros")
        # Outside of the target a mask is transparent.
        classes = rerun.AnnotationContext([(0, "", (0, 0, 0, 0)), (1, "target", TARGET_COLOUR)])
        self._recording.log("camera/mask", classes, static=True)
        self._frame_id = ""
        self._server: subprocess.Popen[bytes] | None = None

    def serve(self, port: int = 9090, data_port: int = 9876, host: str = LOCAL_HOST) -> str:
        """Serve the viewer and its data to browsers.

        Parameters
        ----------
        port : of the page
        data_port : of the data behind it
        host : address of this machine to serve on, such as 0.0.0.0 for all; by default this machine alone can connect

        Returns
        -------
        The address to open, with {host} in the place of this machine's name.

        Raises
        ------
        InputError
            When a port is in use, or `host` is not this machine.
        MissingError
            When Rerun's server does not start.

        """
        # Rerun itself only logs when the data port is in use, and the page would stay empty.
        address = free_address(host, {"--port": port, "--data-port": data_port})
        # Rerun's Python interface serves on all interfaces; its program can serve on one. By default it sends data only
        # to pages of its own machine, but robots are watched from others.
        self._server = subprocess.Popen(
            [sys.executable, "-m", "rerun", "--serve-web", "--bind", address, "--port", str(data_port),
             "--web-viewer-port", str(port), "--server-memory-limit", MEMORY_LIMIT,
             "--cors-allow-origin", f"http://*:{port}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        atexit.register(self._stop_server)
        own_address = LOCAL_HOST if address == ALL_HOSTS else address
        for number in (port, data_port):
            self._wait_until_served(own_address, number)
        self._recording.connect_grpc(f"rerun+http://{own_address}:{data_port}/proxy",
                                     default_blueprint=self._make_blueprint())
        return f"http://{{host}}:{port}/?url={quote('rerun+http://', safe='')}{{host}}:{data_port}/proxy"

    def _wait_until_served(self, address: str, port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._server is not None and self._server.poll() is None and time.monotonic() < deadline:
            with suppress(OSError), socket.create_connection((address, port), timeout=1):
                return
            time.sleep(0.05)
        raise MissingError(f"Rerun does not serve on {address}:{port}: try `rerun --serve-web` for the reason")

    def save(self, path: Path) -> None:
        """Write the recording to a file instead, for `rerun FILE.rrd`.

        Raises
        ------
        InputError
            When the file cannot be written.

        """
        try:
            self._recording.save(path, default_blueprint=self._make_blueprint())
        except (OSError, RuntimeError, ValueError) as error:
            raise InputError(f"cannot write {path}: {one_line(error)}") from error

    def close(self) -> None:
        """Send or write what is still buffered."""
        self._recording.flush()
        self._recording.disconnect()
        self._stop_server()

    def _stop_server(self) -> None:
        """End the server, which is a group of processes: Python's launcher and Rerun's own program."""
        if self._server is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._server.pid, signal.SIGTERM)
            self._server.wait()
            self._server = None
            atexit.unregister(self._stop_server)

    def image(self, stamp: int, pixels: np.ndarray) -> None:
        """Draw an image, uint8 RGB [H, W, 3]."""
        self._log(stamp, "camera/image", self._rerun.Image(pixels).compress(jpeg_quality=JPEG_QUALITY))

    def encoded_image(self, stamp: int, data: bytes, media_type: str) -> None:
        """Draw a JPEG or PNG image, which the browser decodes."""
        self._log(stamp, "camera/image", self._rerun.EncodedImage(contents=data, media_type=media_type))

    def mask(self, stamp: int, mask: np.ndarray) -> None:
        """Draw a mask, bool [H, W], over the image."""
        self._log(stamp, "camera/mask", self._rerun.SegmentationImage(mask.astype(np.uint8), opacity=MASK_OPACITY))

    def camera(self, stamp: int, frame_id: str, model: CameraModel, width: int, height: int) -> None:
        """Draw the camera's field of view in its optical frame, `frame_id`."""
        rerun = self._rerun
        self._log(stamp, f"space/{frame_id}/camera", rerun.Pinhole(
            image_from_camera=model.intrinsics, resolution=[width, height], camera_xyz=rerun.ViewCoordinates.RDF,
            image_plane_distance=IMAGE_PLANE_METRES))

    def points(self, stamp: int, frame_id: str, xyz: np.ndarray, colours: np.ndarray) -> None:
        """Draw points.

        Parameters
        ----------
        stamp : nanoseconds
        frame_id : frame of the points
        xyz : float32 [P, 3], metres
        colours : uint8 RGB [P, 3]

        """
        self._log(stamp, f"space/{frame_id}/points",
                  self._rerun.Points3D(xyz, colors=colours, radii=POINT_RADIUS_METRES))

    def result(self, result: Mapping[str, Any]) -> None:
        """Draw a result, the content of `~/result`: box, candidates, confidence, latency, and the objects in 3-D."""
        rerun, stamp = self._rerun, result["stamp"]["sec"] * 1_000_000_000 + result["stamp"]["nanosec"]
        text, found = result["text"], result["found"]
        label = f"{text}  {result['confidence']:.2f}"
        self._log(stamp, "camera/box", rerun.Boxes2D(array=[result["box"]], array_format=rerun.Box2DFormat.XYXY,
                                                     labels=[label], colors=[TARGET_COLOUR])
                  if found else rerun.Clear(recursive=False))
        self._log(stamp, "answers", rerun.TextLog(label if found else f"{text}: not found: {result['reason']}",
                                                  level="INFO" if found else "WARN"))
        self._log(stamp, "candidates", rerun.TextDocument(_markdown(result), media_type=rerun.MediaType.MARKDOWN))
        self._log(stamp, "figures/confidence", rerun.Scalars(result["confidence"]))
        if result.get("latency") is not None:
            self._log(stamp, "figures/latency", rerun.Scalars(result["latency"]))
        frame_id = result.get("objects_frame_id") or result["frame_id"]
        self._set_up_direction(frame_id, is_optical=frame_id == result["frame_id"])
        self._draw_objects(stamp, frame_id, result.get("objects") or [], text)

    def _draw_objects(self, stamp: int, frame_id: str, objects: list[dict[str, Any]], text: str) -> None:
        rerun = self._rerun
        if not objects:
            self._log(stamp, f"space/{frame_id}/boxes", rerun.Clear(recursive=False))
            self._log(stamp, f"space/{frame_id}/grasps", rerun.Clear(recursive=False))
            return
        boxes, grasps = [one["box"] for one in objects], [one["grasp"] for one in objects]
        self._log(stamp, f"space/{frame_id}/boxes", rerun.Boxes3D(
            centers=[box["centre"] for box in boxes], sizes=[box["size"] for box in boxes],
            quaternions=[box["quaternion"] for box in boxes], labels=[text] * len(boxes),
            colors=[TARGET_COLOUR] * len(boxes)))
        fingers = [np.array([grasp["centre"]]) + np.outer([-0.5, 0.5], grasp["closing"]) * grasp["opening"]
                   for grasp in grasps]
        self._log(stamp, f"space/{frame_id}/grasps", rerun.LineStrips3D(
            fingers, colors=[GRASP_COLOUR] * len(grasps), radii=GRASP_RADIUS_METRES))

    def _set_up_direction(self, frame_id: str, is_optical: bool) -> None:
        """Tell the 3-D view which way is up in a frame, unless it shows that frame already."""
        if frame_id != self._frame_id:
            self._frame_id = frame_id
            axes = self._rerun.ViewCoordinates
            self._recording.log("space", axes.RDF if is_optical else axes.RIGHT_HAND_Z_UP, static=True)

    def _log(self, stamp: int, entity: str, value: Any) -> None:
        self._recording.set_time("stamp", timestamp=np.datetime64(stamp, "ns"))
        self._recording.log(entity, value)

    def _make_blueprint(self) -> Any:
        """Return the layout of the page."""
        import rerun.blueprint as layout

        return layout.Blueprint(
            layout.Horizontal(
                layout.Vertical(layout.Spatial2DView(origin="camera", name="camera"),
                                layout.TextDocumentView(origin="candidates", name="candidates"),
                                layout.TextLogView(origin="answers", name="answers"), row_shares=[4, 2, 1]),
                layout.Vertical(layout.Spatial3DView(origin="space", name="space"),
                                layout.TimeSeriesView(origin="figures", name="figures"), row_shares=[3, 1])),
            # Shows the newest data until somebody drags the time back.
            layout.TimePanel(state="collapsed", timeline="stamp", play_state="following"), collapse_panels=True)


def free_address(host: str, ports: Mapping[str, int]) -> str:
    """Return the IP address to serve a page on.

    Parameters
    ----------
    host : name or address of this machine
    ports : by the option that chooses another one

    Raises
    ------
    InputError
        When `host` is not this machine, or a port is in use.

    """
    try:
        address = socket.gethostbyname(host or "no host")
    except OSError as error:
        raise InputError(f"cannot serve on host {host}: {error}; give an address of this machine") from error
    for option, number in ports.items():
        with socket.socket() as probe:
            try:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, number))
            except (OSError, OverflowError) as error:
                raise InputError(f"cannot serve on port {number}: {error}; choose another with {option}") from error
    return address


def _markdown(result: Mapping[str, Any]) -> str:
    """Return the answer in words and its candidates as a table, in Markdown."""
    said = result.get("note") if result["found"] else f"not found: {result['reason']}"
    titles, rows = candidate_table({"candidates": [], **result})
    lines = [titles, ["---"] * len(titles), *rows] if rows else []
    return "\n".join([f"**{_plain(result['text'])}**", "", _plain(said or ""), "",
                      *(f"| {' | '.join(line)} |" for line in lines)])


def _plain(text: str) -> str:
    """Return a text of which Markdown makes neither formatting nor links."""
    return re.sub(r"([^\w\s,.:;'])", r"\\\1", printable(text))
