"""``ris view`` and ``ris try``: pages in a browser."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

import typer

from ris_ros.cli.common import ConfigFile, Device, Model, Settings, app, err, load_config, out
from ris_ros.errors import MissingError


@app.command()
def view(
    image: Annotated[str, typer.Option(help="Topic of the camera images; compressed if it ends in /compressed.")] = (
        "/image"),
    camera_info: Annotated[str, typer.Option(
        help="Topic of the camera model. Default: camera_info next to the images.")] = "",
    node: Annotated[str, typer.Option(
        help="Prefix of the node's topics, such as /ris, /robot1/ris or /ris/front.")] = "/ris",
    port: Annotated[int, typer.Option(help="Port of the web page.")] = 9090,
    data_port: Annotated[int, typer.Option(help="Port of the data stream behind the page.")] = 9876,
    host: Annotated[str, typer.Option(
        help="Address to serve on; 0.0.0.0: to every host on the network, without a password.")] = "127.0.0.1",
    save: Annotated[Path | None, typer.Option(help="Write this .rrd file instead of serving a page.")] = None,
) -> None:
    """Show the camera and the answers in a browser, for robots without a screen."""
    try:
        from ris_ros.tools.viewer_node import watch
    except ImportError as error:
        raise MissingError(f"`ris view` subscribes to ROS topics: source a ROS 2 installation ({error})") from error
    from ris_ros.tools.viewer import Viewer

    viewer = Viewer()
    if save is None:
        address = viewer.serve(port, data_port, host)
        is_local = _is_local(host)
        if not is_local:
            _warn_of_others(host, "sees the camera and the answers")
        out.print(f"open {address.format(host=_shown_name(host))} "
                  f"({'from this machine; --host 0.0.0.0 serves to others; ' if is_local else ''}Ctrl-C to stop)")
    else:
        viewer.save(save)
        out.print(f"writing {save} (Ctrl-C to stop)")
    base = image.removesuffix("/compressed").rpartition("/")[0]
    watch(viewer, image, camera_info or f"{base}/camera_info", node.rstrip("/"))


@app.command("try")
def try_page(
    port: Annotated[int, typer.Option(help="Port of the web page.")] = 8080,
    host: Annotated[str, typer.Option(
        help="Address to serve on; 0.0.0.0: to every host on the network, without a password.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="Seed of the first simulated scene.")] = 200_328,
    show: Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in a browser.")] = True,
    model: Model = None,
    device: Device = None,
    config: ConfigFile = None,
    settings: Settings = None,
) -> None:
    """Try the method on a web page, without ROS: drop a picture, type a sentence, see the answer explained."""
    chosen = load_config(config, settings, model, device)
    if not _is_local(host):
        _warn_of_others(host, "can use the page")
    with err.status("starting") as status:
        from ris_ros.tools.try_page import serve

        def started() -> None:
            status.stop()
            out.print(f"open http://{_shown_name(host)}:{port} (Ctrl-C to stop)")

        serve(chosen, port, host, seed=seed, show=show, started=started)


def _is_local(host: str) -> bool:
    return host in ("localhost", "127.0.0.1")


def _shown_name(host: str) -> str:
    """Return the name under which a browser reaches a page that is served on an address."""
    return socket.gethostname() if host == "0.0.0.0" else host


def _warn_of_others(host: str, what: str) -> None:
    err.print(f"warning: everyone who reaches {host} {what}; there is no password")
