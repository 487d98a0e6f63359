"""Near-copies of images: how many are found, and how many others are taken for one. `python -m benchmarks.images`.

Pictures are made by NumPy, `COUNT` of each of three generators, each a scene of its own; and pieces of the two
photographs that scikit-learn ships. Versions of each are made: other JPEG qualities, sizes, brightness, contrast.
"""

from __future__ import annotations

import io
import time

import numpy as np
from PIL import Image, ImageEnhance

from transforms.images.looks import hashes, likeness, near_copies, picture, smalls

COUNT = 300
#: What is made of an image, by name.
CHANGES = (
    "jpeg 90",
    "jpeg 50",
    "jpeg 20",
    "half size",
    "three quarters",
    "brighter",
    "darker",
    "contrast",
    "flip",
    "crop",
)


def scenes(count: int, seed: int) -> list[Image.Image]:
    """Discs and boxes on a gradient."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:192, 0:192] / 192
    out = []
    for _ in range(count):
        tints = rng.random((2, 3))
        tilt = rng.random() * 2 * np.pi
        slope = ((np.cos(tilt) * x + np.sin(tilt) * y) % 1)[..., None]
        made = tints[0] * slope + tints[1] * (1 - slope)
        for _ in range(rng.integers(3, 9)):
            cx, cy, size = rng.random(), rng.random(), 0.05 + 0.2 * rng.random()
            inside = (
                (x - cx) ** 2 + (y - cy) ** 2 < size**2
                if rng.random() < 0.5
                else np.maximum(abs(x - cx), abs(y - cy)) < size
            )
            made = np.where(inside[..., None], rng.random(3), made)
        out.append(Image.fromarray((made * 255).astype(np.uint8)))
    return out


def fields(count: int, seed: int) -> list[Image.Image]:
    """Smooth noise in colour, such as what early steps of a diffusion model show."""
    rng = np.random.default_rng(seed)
    coarse = (rng.random((count, 7, 7, 3)) * 255).astype(np.uint8)
    return [Image.fromarray(one).resize((192, 192), Image.Resampling.BICUBIC) for one in coarse]


def rooms(count: int, seed: int) -> list[Image.Image]:
    """One room with one thing in it, elsewhere each time: what a fixed camera sees."""
    rng = np.random.default_rng(seed)
    room = np.asarray(scenes(1, 99)[0]).copy()
    out = []
    for _ in range(count):
        made = room.copy()
        top, left = rng.integers(0, 160, 2)
        made[top : top + 32, left : left + 32] = (250, 240, 20)
        out.append(Image.fromarray(made))
    return out


def photographs(count: int, seed: int) -> list[Image.Image]:
    """Pieces of real photographs that do not overlap by more than half."""
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(seed)
    pieces = [
        Image.fromarray(photo[top : top + 160, left : left + 160])
        for photo in load_sample_images().images
        for top in range(0, photo.shape[0] - 160, 80)
        for left in range(0, photo.shape[1] - 160, 80)
    ]
    return [pieces[place] for place in rng.permutation(len(pieces))[:count]]


def changed(image: Image.Image, how: str) -> bytes:
    """A version of an image, as a file."""
    width, height = image.size
    quality = int(how.split()[1]) if how.startswith("jpeg") else 90
    made = {
        "half size": lambda: image.resize((width // 2, height // 2), Image.Resampling.LANCZOS),
        "three quarters": lambda: image.resize((width * 3 // 4, height * 3 // 4), Image.Resampling.BILINEAR),
        "brighter": lambda: ImageEnhance.Brightness(image).enhance(1.2),
        "darker": lambda: ImageEnhance.Brightness(image).enhance(0.8),
        "contrast": lambda: ImageEnhance.Contrast(image).enhance(0.8),
        "flip": lambda: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "crop": lambda: image.crop((width // 10, height // 10, width, height)),
    }.get(how, lambda: image)()
    buffer = io.BytesIO()
    made.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def as_png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def seen(files: list[bytes]) -> tuple[np.ndarray, np.ndarray]:
    """Hashes and small pictures of files."""
    small = np.stack([one for one in map(picture, files) if one is not None])
    return hashes(small), smalls(small)


def recall(images: list[Image.Image], how: str, most: int, least: float) -> float:
    """The share of images one version of which is found to be a near-copy of it."""
    found, small = seen([*map(as_png, images), *(changed(one, how) for one in images)])
    a, b, _, _ = near_copies(found, small, most, least)
    return float(np.mean(np.isin(np.arange(len(images)), a[b - a == len(images)])))


def false_alarms(images: list[Image.Image], most: int, least: float) -> tuple[int, int]:
    """How many pairs of different images pass both tests, of how many; all compared with all."""
    found, small = seen([as_png(one) for one in images])
    a, b = np.triu_indices(len(images), 1)
    near = np.bitwise_count(found[a] ^ found[b]) <= most
    return int((likeness(small[a[near]], small[b[near]]) >= least).sum()), len(a)


def main() -> None:
    from schemas.config import Images

    asked = Images()
    print(f"near from {asked.bits} bits and a likeness of {asked.likeness:g} on")
    for name, make in (("scenes", scenes), ("fields", fields), ("rooms", rooms), ("photographs", photographs)):
        images = make(COUNT, 0)
        wrong, pairs = false_alarms(images, asked.bits, asked.likeness)
        told = ", ".join(f"{how} {recall(images, how, asked.bits, asked.likeness):.3f}" for how in CHANGES)
        print(f"{name} ({len(images)}): found: {told}; false {wrong:,} of {pairs:,} pairs")
    files = [as_png(one) for one in scenes(COUNT, 1)]
    started = time.perf_counter()
    seen(files)
    print(f"{COUNT / (time.perf_counter() - started):,.0f} images a second (PNG, 192 x 192)")


if __name__ == "__main__":
    main()
