"""Near-copies of images: how many are found, and how many others are taken for one. `python -m benchmarks.images`.

Pictures are made by NumPy, `COUNT` of each of three generators, each a scene of its own; and pieces of the two
photographs that scikit-learn ships. Versions of each are made: other JPEG qualities, sizes, brightness, contrast. Then
whole runs on pairs of them, of which near-copies are duplicates, twice with one cache; and the search among vectors,
on random ones with near-copies among them.
"""

from __future__ import annotations

import io
import json
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import numpy as np
import polars as pl
from PIL import Image, ImageEnhance

from transforms.images.chains import near_sets, stricter
from transforms.images.looks import hashes, likeness, picture, smalls

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


def alike(files: list[bytes], most: int, least: float) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Of files, a function that says which of two places each are near-copies, as rows are held against each other."""
    found, small = seen(files)
    _, _, chained = near_sets(found, small, most, least)
    asked = np.where(chained, stricter(least), least)

    def near(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        said: np.ndarray = np.bitwise_count(found[a] ^ found[b]) <= most
        a, b = a[said], b[said]
        said[said] = likeness(small[a], small[b]) >= np.maximum(asked[a], asked[b])
        return said

    return near


def recall(images: list[Image.Image], how: str, most: int, least: float) -> float:
    """The share of images one version of which is found to be a near-copy of it."""
    near = alike([*map(as_png, images), *(changed(one, how) for one in images)], most, least)
    own = np.arange(len(images))
    return float(near(own, own + len(images)).mean())


def false_alarms(images: list[Image.Image], most: int, least: float) -> tuple[int, int]:
    """How many pairs of different images pass for near-copies, of how many; all compared with all."""
    near = alike([as_png(one) for one in images], most, least)
    a, b = np.triu_indices(len(images), 1)
    return int(near(a, b).sum()), len(a)


#: Few prompts: what shares one meets in nearly all that its text has.
_PROMPTS = [f"Which of the two pictures would look better above the sofa of a {who}?" for who in ("cook", "pilot")]


def write_pairs(folder: Path, make: Callable[[int, int], list[Image.Image]], how: str) -> Path:
    """`COUNT` pairs of images, and each once more in another version, sides swapped in half of them."""
    images = make(2 * COUNT, 3)
    lines = []
    for place in range(0, 2 * COUNT, 2):
        for version in ("png", "jpg"):
            sides = []
            for number in (place, place + 1):
                path = folder / f"{number}.{version}"
                path.write_bytes(as_png(images[number]) if version == "png" else changed(images[number], how))
                sides.append(str(path))
            turned = version == "jpg" and place % 4 == 0
            first, second = reversed(sides) if turned else sides
            better = place // 2 % 2
            lines.append({"prompt": _PROMPTS[place // 2 % 2], "image_0": first, "image_1": second,
                          "preference": 1 - better if turned else better})  # fmt: skip
    (folder / "pairs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder / "pairs.jsonl"


def curated(source: Path, out: Path, cache: Path) -> tuple[pl.DataFrame, dict]:
    """A run's ledger and manifest."""
    from pipelines.commands import Request, run_curate

    asked = ["images.near=true", "embed.model=off", "strength.find=false", f"embed.cache={cache}",
             "gate.split_tolerance=1", "duplicates.largest_group=1"]  # fmt: skip
    with redirect_stdout(io.StringIO()):
        run_curate(Request(None, str(out), [str(source)], None, asked))
    return pl.read_parquet(out / "ledger.parquet"), json.loads((out / "manifest.json").read_text())


def runs(name: str, make: Callable[[int, int], list[Image.Image]], how: str) -> None:
    """How many pairs of near-copies are found to be duplicates of the right ones, and what a second run takes."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        source = write_pairs(folder, make, how)
        took = []
        for out in ("first", "second"):
            ledger, told = curated(source, folder / out, folder / "cache")
            took.append(next(stage["seconds"] for stage in told["stages"] if stage["stage"] == "looks"))
        line = dict(ledger.select("row_id", "line").iter_rows())
        copies = ledger.filter(pl.col("reasons").list.contains("near_images"))
        twins = {frozenset((line[row], line[of])) for row, of in copies.select("row_id", "counterpart").iter_rows()}
        right = sum(frozenset((2 * n + 1, 2 * n + 2)) in twins for n in range(COUNT))
        conflicts = told["reasons"].get("near_conflict", 0)
        print(f"pairs of {name}, {how}: {right} of {COUNT} found, {len(twins) - right} wrong, {conflicts} conflicts; "
              f"looks {took[0]:.1f} s, with what was kept {took[1]:.1f} s "
              f"({told['images']['kept_before']:,} of {told['images']['opened']:,} images not opened)")  # fmt: skip


def vectors(count: int, dimensions: int, least: float) -> None:
    """The search among vectors: of planted near-copies how many come into one set, and how long it takes."""
    from transforms.duplicates.components import Forest
    from transforms.images.vectors import near_vectors

    rng = np.random.default_rng(0)
    # In 100 heaps, as images of one kind lie together.
    base = rng.normal(size=(100, dimensions))[rng.integers(0, 100, count)] + 0.7 * rng.normal(size=(count, dimensions))
    own = base[: count // 10]
    noise = np.linalg.norm(own, axis=1, keepdims=True) * rng.normal(size=own.shape) / np.sqrt(dimensions)
    every = np.concatenate([base, own + rng.uniform(0, 0.2, (len(own), 1)) * noise])
    every /= np.linalg.norm(every, axis=1, keepdims=True)
    near = np.einsum("nd,nd->n", every[: len(own)], every[count:]) >= least
    names = pl.Series([f"{number}.png" for number in range(len(every))])
    started = time.process_time()
    a, b = near_vectors(every.astype(np.float16), names, least, "cpu")
    took = time.process_time() - started
    forest = Forest()
    forest.add(a.astype(np.uint64), b.astype(np.uint64))
    root = np.arange(len(every))
    labels = forest.labels()
    root[labels["node"].to_numpy().astype(int)] = labels["root"].to_numpy().astype(int)
    found = (root[: len(own)] == root[count:])[near]
    print(f"vectors: {len(every):,} of {dimensions} dimensions: {found.sum():,} of {near.sum():,} planted pairs at or "
          f"above {least:g} in one set, {took:.1f} s of CPU")  # fmt: skip


def main() -> None:
    from schemas.config import Images

    asked = Images()
    print(f"near from {asked.bits} bits and a likeness of {asked.likeness:g} on")
    for name, make in (("scenes", scenes), ("fields", fields), ("rooms", rooms), ("photographs", photographs)):
        images = make(COUNT, 0)
        wrong, pairs = false_alarms(images, asked.bits, asked.likeness)
        told = ", ".join(f"{how} {recall(images, how, asked.bits, asked.likeness):.3f}" for how in CHANGES)
        print(f"{name} ({len(images)}): found: {told}; false {wrong:,} of {pairs:,} pairs")
    wrong, pairs = false_alarms(rooms(1000, 0), asked.bits, asked.likeness)
    print(f"rooms (1,000): false {wrong:,} of {pairs:,} pairs")
    files = [as_png(one) for one in scenes(COUNT, 1)]
    started = time.perf_counter()
    seen(files)
    print(f"{COUNT / (time.perf_counter() - started):,.0f} images a second (PNG, 192 x 192)")
    for name, make in (("scenes", scenes), ("fields", fields), ("rooms", rooms)):
        runs(name, make, "jpeg 50")
    for count in (10_000, 100_000):
        vectors(count, 256, asked.cosine)


if __name__ == "__main__":
    main()
