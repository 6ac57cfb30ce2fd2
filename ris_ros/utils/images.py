"""Reading and writing of image files as RGB arrays."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from ris_ros.errors import InputError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")
"""Of files that are taken for images when a folder is given."""


def read_image(path: str | Path) -> np.ndarray:
    """Return an image file as RGB uint8 [H, W, 3], rotated by its EXIF orientation.

    Raises
    ------
    InputError
        If the file does not exist, or OpenCV cannot decode it.

    """
    try:
        content = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"cannot read the image {path}: {error.strerror or error}") from error
    image = cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    if image is None:
        raise InputError(f"{path} is not an image: give a PNG, JPEG, WebP, TIFF or BMP file")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def image_files(folder: Path) -> list[Path]:
    """Return the image files of a folder, sorted by name.

    Raises
    ------
    InputError
        If `folder` is not a folder or holds no image.

    """
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    if not files:
        raise InputError(f"no .png, .jpg or .webp file in {folder}")
    return files


def write_image(path: str | Path, image: np.ndarray) -> None:
    """Write an image, RGB uint8 [H, W, 3], in the format of the file's extension; create missing folders.

    Raises
    ------
    InputError
        If the extension is unknown or the file cannot be written.

    """
    path = Path(path)
    try:
        _, content = cv2.imencode(path.suffix or ".", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        path.parent.mkdir(parents=True, exist_ok=True)
        content.tofile(path)
    except cv2.error as error:
        raise InputError(f"cannot write {path}: end its name in .png or .jpg") from error
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror or error}") from error
