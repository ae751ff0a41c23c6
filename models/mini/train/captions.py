"""Flickr8k's captions and its standard split, from a clone that has them.

    captions.py --clones CLONES --work WORK

Writes WORK/flickr8k.json: {"splits": {file: train|dev|test}, "captions": {file: [five]}}.
The test split is for testing only: nothing of it, not even its text, is trained on.
"""
import argparse
import json
import pathlib
import subprocess

from collect import git_folder

REPOSITORY = "edwardcruzcruz/Describiendo_imagenes_keras"
COMMIT = "5c9a0ffed365098d0df880dd73c1908d2228cc28"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--clones", type=pathlib.Path, required=True)
    arguments.add_argument("--work", type=pathlib.Path, required=True)
    given = arguments.parse_args()
    git = ["git", f"--git-dir={git_folder(given.clones, REPOSITORY)}", "show"]
    read = lambda file: subprocess.run([*git, f"{COMMIT}:Flickr8k_text/{file}"], check=True,
                                       capture_output=True, text=True).stdout.splitlines()
    splits = {}
    for part in ("train", "dev", "test"):
        for line in read(f"Flickr_8k.{part}Images.txt"):
            if line.strip():
                splits[line.strip()] = part
    captions = {}
    for line in read("Flickr8k.token.txt"):
        if "\t" in line and "#" in line:
            name, caption = line.split("\t", 1)
            captions.setdefault(name.split("#")[0], []).append(caption.strip())
    # That copy has drawn birds among the photos, whose ids begin with e.
    splits = {file: part for file, part in splits.items()
              if file in captions and not file.startswith("e")}
    counts = {part: list(splits.values()).count(part) for part in ("train", "dev", "test")}
    print(counts)
    given.work.mkdir(parents=True, exist_ok=True)
    (given.work / "flickr8k.json").write_text(json.dumps(
        {"splits": splits, "captions": {file: captions[file] for file in splits}}))


if __name__ == "__main__":
    main()
