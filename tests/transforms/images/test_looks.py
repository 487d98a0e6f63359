"""How images look: versions of one are found, other ones of the same generator are not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.images import as_png, changed, false_alarms, fields, photographs, recall, scenes
from transforms.images.looks import hashes, likeness, near_copies, picture, smalls

BITS, LIKENESS = 6, 0.98


@pytest.mark.parametrize("make", [scenes, fields, photographs])
@pytest.mark.parametrize("how", ["jpeg 50", "half size", "darker"])
def test_versions_are_found(make, how: str) -> None:
    # Measured on 300 of each (photographs 48): 1, 1, 1; 1, 1, 1; 0.979, 0.979, 0.958 (benchmarks/results.md).
    assert recall(make(40, 3), how, BITS, LIKENESS) > 0.9


@pytest.mark.parametrize("make", [scenes, fields, photographs])
def test_other_images_of_a_generator_are_not(make) -> None:
    wrong, pairs = false_alarms(make(120, 4), BITS, LIKENESS)
    assert pairs > 1000
    assert wrong == 0


def test_what_is_no_image_and_what_is_transparent() -> None:
    assert picture(b"no image") is None
    png = as_png(scenes(1, 0)[0])
    assert picture(png[: len(png) // 2]) is None
    clear = io.BytesIO()
    Image.new("RGBA", (9, 5), (0, 0, 0, 0)).save(clear, "PNG")
    made = picture(clear.getvalue())
    assert made is not None
    assert made.min() == 255


def test_brightness_changes_nothing_and_colour_does() -> None:
    small = smalls(np.stack([picture(as_png(one)) for one in scenes(20, 5)]))  # type: ignore[arg-type]
    assert likeness(small, small) == pytest.approx(np.ones(20))
    assert likeness(small, small // 2).min() > 0.99
    turned = small.reshape(20, -1, 3)[:, :, ::-1].reshape(20, -1)
    assert np.mean(likeness(small, turned) < LIKENESS) > 0.9
    flat = np.array([[[200]], [[100]]], np.uint8).repeat(192, 2).reshape(2, 192)
    assert likeness(flat[[0, 0]], flat[[0, 1]]).tolist() == [1.0, pytest.approx(1 - 100 / 255)]
    assert likeness(flat[:1], small[:1]).tolist() == [0.0]


def test_hashes_are_those_of_the_definition() -> None:
    from scipy.fft import dct

    image = picture(as_png(scenes(1, 6)[0]))
    assert image is not None
    grey = image @ np.array([0.299, 0.587, 0.114])
    low = dct(dct(grey, axis=0), axis=1)[:8, :8]
    bits = "".join("01"[int(one)] for one in (low > np.median(low)).ravel())
    assert int(hashes(image[None])[0]) == int(bits, 2)


def test_many_that_are_one_cost_no_more_than_as_many_comparisons() -> None:
    small = smalls(np.full((1000, 32, 32, 3), 255, np.uint8))
    a, b, apart, alike = near_copies(np.zeros(1000, np.uint64), small, BITS, LIKENESS)
    assert len(a) < 2 * 1000
    assert set(b.tolist()) == set(range(1, 1000))
    assert (set(apart.tolist()), set(alike.tolist())) == ({0}, {1.0})
    assert [len(one) for one in near_copies(np.zeros(0, np.uint64), small[:0], BITS, LIKENESS)] == [0] * 4
    assert len(changed(scenes(1, 0)[0], "jpeg 20")) < len(as_png(scenes(1, 0)[0]))
