"""The whole training code on 200 drawn pictures, in a few minutes: does every step work?

    smoke.py --teacher TEACHER_FOLDER [--work WORK]

Draws coloured shapes with captions and labels in the place of `collect.py` and `captions.py`, runs
the other programs of this folder on them as README.md does on photos (but for `average.py`), and checks what comes out: files, sizes, unit vectors, and that a
picture of a red circle is nearer to "a red circle" than most other texts are. Needs the two
teachers (the folder, and the packages of requirements.txt); says so and fails if they are absent.
"""
import argparse
import json
import pathlib
import random
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image, ImageDraw

HERE = pathlib.Path(__file__).parent
COLOURS = {"red": (210, 30, 30), "green": (30, 160, 50), "blue": (40, 60, 210), "yellow": (230, 210, 40)}
SHAPES = ("circle", "square", "triangle", "cross")
PICTURES = 200


def draw(colour, shape, chance):
    background = tuple(chance.randrange(120, 256) for _ in range(3))
    picture = Image.new("RGB", (240, 200), background)
    pen, fill = ImageDraw.Draw(picture), COLOURS[colour]
    side = chance.randrange(60, 120)
    x, y = chance.randrange(10, 230 - side), chance.randrange(10, 190 - side)
    box = (x, y, x + side, y + side)
    if shape == "circle":
        pen.ellipse(box, fill)
    elif shape == "square":
        pen.rectangle(box, fill)
    elif shape == "triangle":
        pen.polygon([(x, y + side), (x + side, y + side), (x + side // 2, y)], fill)
    else:
        pen.line(box, fill, 16)
        pen.line((x, y + side, x + side, y), fill, 16)
    return picture


def pictures(work):
    chance = random.Random(0)
    splits, captions = {}, {}
    for number in range(PICTURES):
        colour, shape = chance.choice(list(COLOURS)), chance.choice(SHAPES)
        captioned = number % 2 == 0
        folder = work / "pictures" / ("flickr8k/_" if captioned else f"shapes/{shape}")
        folder.mkdir(parents=True, exist_ok=True)
        file = f"{number:04}.jpg"
        draw(colour, shape, chance).save(folder / file, quality=92)
        if captioned:
            splits[file] = "dev" if number % 20 == 0 else "test" if number % 20 == 10 else "train"
            captions[file] = [f"A {colour} {shape} .", f"one {colour} {shape}", f"{shape}, {colour}",
                              f"the {shape} is {colour}", f"a drawing of a {colour} {shape}"]
    (work / "flickr8k.json").write_text(json.dumps({"splits": splits, "captions": captions}))


def run(program, *arguments):
    print("$", program, *arguments, flush=True)
    subprocess.run([sys.executable, str(HERE / program), *map(str, arguments)], check=True)


def check(work):
    import onnxruntime

    out = work / "out"
    size = sum(file.stat().st_size for file in out.iterdir())
    assert size <= 8 << 20, f"the model has {size} bytes"
    vocabulary = {piece: i + 1 for i, piece in enumerate(json.loads((out / "vocab.json").read_text()))}
    ids = np.zeros((len(COLOURS) * len(SHAPES), 24), "i8")
    names = [(colour, shape) for colour in COLOURS for shape in SHAPES]
    for row, name in enumerate(names):
        ids[row, :3] = [vocabulary[word] for word in ("a", *name)]
    texts = onnxruntime.InferenceSession(str(out / "text_i8.onnx")).run(None, {"ids": ids})[0]
    chance = random.Random(1)
    right = 0
    session = onnxruntime.InferenceSession(str(out / "image_q8.onnx"))
    for row, (colour, shape) in enumerate(names):
        picture = draw(colour, shape, chance).resize((144, 144), Image.BILINEAR)
        x = np.asarray(picture).transpose(2, 0, 1)[None].astype("f4")
        vector = session.run(None, {"image": x})[0][0]
        assert abs(np.linalg.norm(vector) - 1) < 1e-3, "a vector is not of unit length"
        scores = texts @ vector
        right += int((scores > scores[row]).sum() < len(names) // 2)
    assert right > len(names) * 0.6, f"only {right} of {len(names)} drawings are nearer to their words than most"
    print(f"{right} of {len(names)} drawings are nearer to their words than to most others; {size} bytes")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--teacher", type=pathlib.Path, required=True)
    arguments.add_argument("--work", type=pathlib.Path)
    given = arguments.parse_args()
    network = given.teacher / "tf2_mobilenet_v2_1.0_224_ptq.onnx"
    if not network.exists():
        raise SystemExit(f"{network} is absent: the smoke run needs the teacher")
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or pathlib.Path(folder)
        pictures(work)
        run("teach.py", "--work", work, "--teacher", network)
        run("texts.py", "--work", work, "--teacher", given.teacher, "--few")
        run("joint.py", "--work", work, "--steps", 60, "--text-steps", 60)
        run("student.py", "--work", work, "--minutes", 0.4, "--side", 80, "--workers", 1, "--batch", 32)
        run("student.py", "--work", work, "--minutes", 0.6, "--workers", 2, "--batch", 32, "--resume", "--joint")
        run("refit.py", "--work", work, "--steps", 60)
        run("export.py", "--work", work, "--version", 0, "--out", work / "out")
        run("testset.py", "--work", work, "--out", work / "testset")
        check(work)


if __name__ == "__main__":
    main()
