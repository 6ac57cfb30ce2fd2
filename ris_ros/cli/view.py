"""``ris view``."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

import typer

from ris_ros.cli.common import app, out
from ris_ros.errors import MissingError


@app.command()
def view(image: Annotated[str, typer.Option(help="The camera's images; with /compressed at the end, compressed "
                                                 "ones.")] = "/image",
         camera_info: Annotated[str, typer.Option(help="The camera's model; default: beside the images.")] = "",
         node: Annotated[str, typer.Option(help="What the node's topics begin with: /ris, /robot1/ris, "
                                                "/ris/front.")] = "/ris",
         port: Annotated[int, typer.Option(help="Of the page.")] = 9090,
         data_port: Annotated[int, typer.Option(help="Of the data behind it.")] = 9876,
         save: Annotated[Path | None, typer.Option(help="Write this .rrd file instead of serving a page.")] = None
         ) -> None:
    """Show camera and answers in a browser, on robots without a screen."""
    try:
        from ris_ros.tools.viewer_node import watch
    except ImportError as error:
        raise MissingError(f"`ris view` listens to ROS topics: source a ROS 2 installation ({error})") from error
    from ris_ros.tools.viewer import Viewer

    viewer = Viewer()
    if save is None:
        address = viewer.serve(port, data_port)
        out.print(f"open {address.format(host=socket.gethostname())} (Ctrl-C ends)")
    else:
        viewer.save(save)
        out.print(f"writing {save} (Ctrl-C ends)")
    base = image.removesuffix("/compressed").rpartition("/")[0]
    watch(viewer, image, camera_info or f"{base}/camera_info", node.rstrip("/"))
