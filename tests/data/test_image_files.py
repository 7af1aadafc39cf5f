import numpy as np
import pytest
from PIL import Image

from sfp_keras.data.images.decoding import (
    UnreadableImageError,
    is_image_file,
    read_image,
    read_image_size,
    resize_image,
)


def _save(image, path, **options):
    image.save(path, **options)
    return path


def _pixel(path):
    return read_image(path)[0, 0].tolist()


def test_hidden_and_other_files_are_no_images():
    assert is_image_file("a.JPEG")
    assert not is_image_file(".a.png")
    assert not is_image_file("a.txt")


def test_grey_becomes_rgb(tmp_path):
    assert _pixel(_save(Image.new("L", (3, 2), 77), tmp_path / "a.png")) == [77, 77, 77]
    assert _pixel(_save(Image.new("1", (3, 2), 1), tmp_path / "b.png")) == [255, 255, 255]
    assert _pixel(_save(Image.new("LA", (3, 2), (77, 9)), tmp_path / "c.png")) == [77, 77, 77]


@pytest.mark.parametrize("mode", ["<u2", "<i4"])
def test_16_bit_grey_is_scaled_not_clipped(tmp_path, mode):
    levels = np.array([[0, 257, 128 * 257, 65535]], dtype=mode)
    path = _save(Image.fromarray(levels), tmp_path / "a.tif")
    assert read_image(path)[0, :, 1].tolist() == [0, 1, 128, 255]


def test_palette_images_with_and_without_transparency(tmp_path):
    image = Image.new("RGB", (4, 4), (10, 200, 30)).quantize(4)
    assert _pixel(_save(image, tmp_path / "a.png")) == [10, 200, 30]
    path = _save(image, tmp_path / "b.png", transparency=b"\x00\x80")
    assert _pixel(path) == [10, 200, 30]


def test_alpha_is_dropped(tmp_path):
    path = _save(Image.new("RGBA", (3, 2), (10, 20, 30, 0)), tmp_path / "a.png")
    assert _pixel(path) == [10, 20, 30]


def test_exif_orientation_is_applied(tmp_path):
    pixels = np.zeros((16, 24, 3), np.uint8)
    pixels[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees, clockwise to show
    for name in ("a.jpg", "a.png"):
        path = _save(Image.fromarray(pixels), tmp_path / name, exif=exif)
        assert read_image_size(path) == (24, 16)
        upright = read_image(path)
        assert upright.shape == (24, 16, 3)
        assert upright[:6].min() > 200
        assert upright[12:].max() < 50


def test_first_frame_of_an_animation(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    path = _save(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert _pixel(path) == [255, 0, 0]


def test_resizing_is_bicubic_and_keeps_constants(tmp_path):
    assert (resize_image(np.full((8, 8, 3), 99, np.uint8), (20, 12)) == 99).all()
    step = np.zeros((4, 4, 3), np.uint8)
    step[:, 2:] = 128
    row = resize_image(step, (4, 8))[0, :, 0]
    # Keys' kernel with a = -1/2 overshoots on both sides of an edge.
    assert row.tolist() == [0, 0, 0, 26, 102, 137, 131, 128]


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n" + b"x" * 50])
def test_broken_files_give_a_reason(tmp_path, content):
    path = tmp_path / "a.png"
    path.write_bytes(content)
    for read in (read_image, read_image_size):
        with pytest.raises(UnreadableImageError):
            read(path)


def test_a_truncated_file_is_unreadable(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    for name in ("a.png", "a.jpg", "a.bmp", "a.webp"):
        path = _save(Image.fromarray(noise), tmp_path / name)
        path.write_bytes(path.read_bytes()[:-1500])
        with pytest.raises(UnreadableImageError):
            read_image(path)
