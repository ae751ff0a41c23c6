"""What the teacher sees in every picture, at every place of it.

    teach.py --work WORK --teacher ONNX [--set NAME] [--again N [--round R]] [--pictures N]

For each picture of WORK/pictures: the whole picture, and for some sets random crops of it, are
squashed to the side that the student sees and kept as bytes; the teacher (a frozen MobileNetV2,
../../../../shared/models/teacher, by ONNX Runtime) sees the same at 224 pixels. Kept are its
features at the 7 x 7 places before they are averaged, reduced to COMPONENTS principal components
and a byte each, their average in full, and its ImageNet logits. The student learns to give the
same features at the same places: 49 targets a picture instead of one.

Writes WORK/arrays/SET/{pixels,maps,pooled,logits}.npy and rows.json. Knows nothing of texts.
"""
import argparse
import hashlib
import itertools
import json
import os
import pathlib

# Before numpy: two of these programs side by side must not wait for each other's threads.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import onnx
import onnxruntime
from PIL import Image

SIDE = 112
PLACES = 7
COMPONENTS = 256
BATCH = 8
# How many views of a picture are kept: the whole, and so many less one random crops.
VIEWS = {"flickr8k": 3, "coco": 3, "scenes-1": 2, "scenes-2": 2, "scenes-3": 2, "scenes-4": 2, "flowers": 2}
OTHER_VIEWS = 1


class Teacher:
    """MobileNetV2 with its features before the average, one thread."""

    def __init__(self, path):
        model = onnx.load(path)
        pool = next(node for node in model.graph.node if node.op_type == "GlobalAveragePool")
        self.places = pool.input[0]
        model.graph.output.append(onnx.helper.make_tensor_value_info(self.places, 1, None))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(model.SerializeToString(), options)

    def see(self, pictures):
        """uint8 [N,224,224,3] to features [N,7,7,1280], averages [N,1280], logits [N,1001]."""
        x = np.ascontiguousarray((pictures.astype("f4") / 127.5 - 1).transpose(0, 3, 1, 2))
        places, pooled, logits = self.session.run([self.places, "embedding", "logits"], {"image_nchw": x})
        return places.transpose(0, 2, 3, 1), pooled, logits


def part_of(name, file, splits):
    """train, dev, test (of Flickr8k), or held: a tenth of every other set, never trained on."""
    if name == "flickr8k":
        return splits.get(file)
    return "held" if hashlib.md5(file.encode()).digest()[0] % 10 == 0 else "train"


def views_of(picture, count, rng):
    """Boxes in a picture: all of it, then random ones of 30 to 90 % of its area."""
    width, height = picture.size
    yield (0, 0, width, height)
    for _ in range(count - 1):
        area, ratio = rng.uniform(0.3, 0.9), np.exp(rng.uniform(-0.25, 0.25))
        w, h = width * min(1, (area * ratio) ** 0.5), height * min(1, (area / ratio) ** 0.5)
        x, y = rng.uniform(0, width - w), rng.uniform(0, height - h)
        yield (x, y, x + w, y + h)


def rows_of(folder, splits, limit):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    files.sort(key=lambda path: hashlib.md5(path.name.encode()).digest())
    rows = []
    for path in files[:limit]:
        part = part_of(folder.name, path.name, splits)
        if part is None:
            continue
        count = VIEWS.get(folder.name, OTHER_VIEWS) if part == "train" else 1
        label = path.parent.name
        rows += [{"file": str(path.relative_to(folder)), "label": label, "part": part, "view": v}
                 for v in range(count)]
    return rows


def principal(teacher, folder, splits, path):
    """Mean, components and scales of features, from a sample of all sets; made once."""
    if path.exists():
        return dict(np.load(path))
    rng, sample = np.random.default_rng(0), []
    for one in sorted(p for p in folder.iterdir() if p.is_dir()):
        rows = [row for row in rows_of(one, splits, 200) if row["part"] == "train" and row["view"] == 0]
        for row in rows:
            try:
                picture = Image.open(one / row["file"]).convert("RGB").resize((224, 224), Image.BICUBIC)
            except OSError:
                continue
            places, _, _ = teacher.see(np.asarray(picture)[None])
            places = places.reshape(-1, 1280)
            # Single places and their average: a student must have both.
            sample += [places[rng.choice(49, 8, replace=False)], places.mean(0, keepdims=True)]
    sample = np.concatenate(sample)
    mean = sample.mean(0)
    values, vectors = np.linalg.eigh(np.cov((sample - mean).T.astype("f8")))
    order = np.argsort(values)[::-1][:COMPONENTS]
    made = {"mean": mean, "basis": vectors[:, order].astype("f4"),
            "scale": (6 * np.sqrt(values[order]) / 127).astype("f4"),
            "explained": np.float32(values[order].sum() / values.sum())}
    np.savez(path, **made)
    print(f"{COMPONENTS} components explain {made['explained']:.3f}", flush=True)
    return made


def teach(name, teacher, basis, work, splits, limit, again, round_):
    beside = f"-again{round_ if round_ > 1 else ''}" if again else ""
    folder, out = work / "pictures" / name, work / "arrays" / (name + beside)
    if (out / "rows.json").exists():
        return
    out.mkdir(parents=True, exist_ok=True)
    rows = rows_of(folder, splits, limit)
    if again:
        rows = [row | {"view": view + 1} for row in rows if row["view"] == 0 and row["part"] == "train"
                for view in range(again)]
    opened = lambda file, kind, shape: np.lib.format.open_memmap(
        out / f"{file}.npy", "w+", kind, (len(rows), *shape))
    pixels = opened("pixels", "u1", (SIDE, SIDE, 3))
    maps = opened("maps", "i1", (PLACES, PLACES, COMPONENTS))
    pooled = opened("pooled", "f2", (1280,))
    logits = opened("logits", "f2", (1001,))
    rng = np.random.default_rng(int.from_bytes(out.name.encode(), "little") % 2**32)
    kept, waiting = [], []

    def flush():
        if not waiting:
            return
        places, mean, logit = teacher.see(np.stack([large for _, large, _ in waiting]))
        reduced = (places - basis["mean"]) @ basis["basis"] / basis["scale"]
        for i, (row, _, small) in enumerate(waiting):
            n = len(kept)
            pixels[n], maps[n] = small, np.clip(np.round(reduced[i]), -127, 127)
            pooled[n], logits[n] = mean[i], logit[i]
            kept.append(row)
        waiting.clear()

    for file, views in itertools.groupby(rows, key=lambda row: row["file"]):
        views = list(views)
        try:
            picture = Image.open(folder / file)
            picture.draft("RGB", (320, 320))
            picture = picture.convert("RGB")
        except (OSError, ValueError) as error:
            print(f"{folder / file}: {error}", flush=True)
            continue
        boxes = views_of(picture, views[-1]["view"] + 1, rng)
        for row, box in zip(views, list(boxes)[views[0]["view"]:]):
            large = picture.resize((224, 224), Image.BICUBIC, box=box)
            # The filter of the program: antialiased bilinear.
            small = picture.resize((SIDE, SIDE), Image.BILINEAR, box=box)
            waiting.append((row, np.asarray(large), np.asarray(small)))
        if len(waiting) >= BATCH:
            flush()
    flush()
    (out / "rows.json").write_text(json.dumps(kept))
    print(f"{name}: {len(kept)} views of {len(set(r['file'] for r in kept))} pictures", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--work", type=pathlib.Path, required=True)
    arguments.add_argument("--teacher", type=pathlib.Path, required=True)
    arguments.add_argument("--set")
    arguments.add_argument("--pictures", type=int, help="at most so many of a set")
    arguments.add_argument("--again", type=int, default=0, help="so many more crops of each picture, beside the first")
    arguments.add_argument("--round", type=int, default=1, help="which crops of --again: those of 1, of 2, ...")
    given = arguments.parse_args()
    splits = json.loads((given.work / "flickr8k.json").read_text())["splits"]
    teacher = Teacher(given.teacher)
    basis = principal(teacher, given.work / "pictures", splits, given.work / "basis.npz")
    for folder in sorted((given.work / "pictures").iterdir()):
        if folder.is_dir() and given.set in (None, folder.name):
            teach(folder.name, teacher, basis, given.work, splits, given.pictures, given.again, given.round)


if __name__ == "__main__":
    main()
