"""Photos that were not trained on, in folders as `make bench-quality` reads them.

    testset.py --work WORK --out OUT

OUT/captions/{images/,captions.tsv}: the test split of Flickr8k. OUT/labels/LABEL/: the tenth of
every labelled set that was held back (teach.py decides which).
"""
import argparse
import json
import pathlib
import shutil

from teach import part_of


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--work", type=pathlib.Path, required=True)
    arguments.add_argument("--out", type=pathlib.Path, required=True)
    given = arguments.parse_args()
    flickr = json.loads((given.work / "flickr8k.json").read_text())
    images = given.out / "captions" / "images"
    images.mkdir(parents=True)
    lines = []
    for file, part in sorted(flickr["splits"].items()):
        source = given.work / "pictures" / "flickr8k" / "_" / file
        if part == "test" and source.exists():
            shutil.copy(source, images)
            lines += [f"{file}\t{caption}\n" for caption in flickr["captions"][file]]
    (given.out / "captions" / "captions.tsv").write_text("".join(lines))
    count = 0
    for folder in sorted((given.work / "pictures").glob("*/*")):
        # 64 pixels a side are too few to judge by.
        if folder.name == "_" or folder.parent.name == "tiny-imagenet":
            continue
        for file in sorted(folder.iterdir()):
            if part_of(folder.parent.name, file.name, {}) == "held":
                target = given.out / "labels" / folder.name
                target.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target / f"{folder.parent.name}-{file.name}")
                count += 1
    print(f"{len(lines)} captions, {count} labelled photos")


if __name__ == "__main__":
    main()
