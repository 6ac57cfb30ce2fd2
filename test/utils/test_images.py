"""Reading and writing image files."""

import cv2
import numpy as np
import pytest

from ris_ros.errors import InputError
from ris_ros.utils.images import read_image, write_image

IMAGE = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


def test_an_image_is_read_back_as_written(tmp_path):
    write_image(tmp_path / "new" / "image.png", IMAGE)
    assert (read_image(tmp_path / "new" / "image.png") == IMAGE).all()


@pytest.mark.parametrize("stored", [IMAGE[..., 0], IMAGE[..., 0].astype(np.uint16) * 257,
                                    np.dstack([IMAGE, IMAGE[..., 0]])])
def test_grey_16_bit_and_transparent_images_become_rgb(tmp_path, stored):
    cv2.imwrite(str(tmp_path / "image.png"), stored)
    image = read_image(tmp_path / "image.png")
    assert (image.dtype, image.shape) == (np.uint8, (4, 5, 3))
    assert (image[..., 2] == IMAGE[..., 0]).all()  # OpenCV writes BGR


def test_the_error_for_a_file_that_is_not_an_image_names_its_path(tmp_path):
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "empty.png").touch()
    for name in ("missing.png", "text.png", "empty.png", "."):
        with pytest.raises(InputError, match=str(tmp_path)):
            read_image(tmp_path / name)


@pytest.mark.parametrize("name", ["image.txt", "image", "text.png/image.png"])
def test_the_error_for_a_file_that_cannot_be_written_names_its_path(tmp_path, name):
    (tmp_path / "text.png").touch()
    with pytest.raises(InputError, match="cannot write"):
        write_image(tmp_path / name, IMAGE)
