"""Takes the pictures that sources.toml names out of clones of their repositories.

    collect.py --clones CLONES --out WORK/pictures

CLONES/OWNER+NAME is a clone (bare or not) of github.com/OWNER/NAME that has the commit. The
pictures land in WORK/pictures/SET/LABEL/FILE, where LABEL is `_` if nothing is known of them.
Knows nothing of training.
"""
import argparse
import hashlib
import pathlib
import subprocess
import tomllib

HERE = pathlib.Path(__file__).parent
SUFFIXES = (".jpg", ".jpeg", ".png")


def git_folder(clones, repository):
    """The git folder of a clone: itself, or .git, repo or repo/.git below it."""
    clone = clones / repository.replace("/", "+")
    for below in (".", ".git", "repo", "repo/.git"):
        if (clone / below / "objects").is_dir():
            return clone / below
    raise SystemExit(f"{clone} is no clone: git clone https://github.com/{repository} {clone}")


def label_of(entry, path, words):
    """What the folder of `path` says that it shows; None where it says that it is not wanted."""
    kind = entry["label"]
    if kind in ("none", "captions"):
        return "_"
    folders = path.split("/")[:-1]
    if kind == "wordnet":
        return words.get(next((f for f in folders if f in words), ""))
    # "level 3": the folder that deep, for sets whose folders lie in folders.
    name = folders[-1] if kind == "folder" else folders[min(int(kind.split()[1]), len(folders) - 1)]
    label = entry.get("names", {}).get(name, name if not entry.get("only_names") else "")
    return label.replace("_", " ").replace("-", " ").strip().lower() or None


def collect(entry, clones, out):
    git = ["git", f"--git-dir={git_folder(clones, entry['repository'])}"]
    listing = subprocess.run([*git, "-c", "core.quotepath=off", "ls-tree", "-r", "-z", entry["commit"]],
                             check=True, capture_output=True).stdout
    words = {}
    if entry["label"] == "wordnet":
        text = subprocess.run([*git, "show", f"{entry['commit']}:tiny-imagenet-200/words.txt"],
                              check=True, capture_output=True, text=True).stdout
        words = {line.split("\t")[0]: ", ".join(w.strip().lower() for w in line.split("\t")[1].split(",")[:3])
                 for line in text.splitlines()}
    chosen = {}
    for record in listing.split(b"\0"):
        if not record:
            continue
        meta, path = record.split(b"\t", 1)
        path, blob = path.decode(), meta.split()[2].decode()
        if not path.lower().endswith(SUFFIXES):
            continue
        if not any(path.startswith(f"{p}/") or p == "." for p in entry["paths"]):
            continue
        label = label_of(entry, path, words)
        if label is not None:
            chosen.setdefault(label.replace("/", " "), []).append((path, blob))
    wanted, seen = [], set()
    for label, files in sorted(chosen.items()):
        # In the order of a hash: the first so many are a sample that anybody draws alike.
        files.sort(key=lambda file: hashlib.md5(file[0].encode()).digest())
        for path, blob in files[: entry.get("each", len(files))]:
            if blob not in seen:
                seen.add(blob)
                wanted.append((label, path, blob))
    reader = subprocess.Popen([*git, "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    count = 0
    for label, path, blob in wanted:
        reader.stdin.write(f"{blob}\n".encode())
        reader.stdin.flush()
        head = reader.stdout.readline().split()
        if head[1] == b"missing":
            continue
        data = reader.stdout.read(int(head[2]))
        reader.stdout.read(1)
        folder = out / entry["name"] / label
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.split("/")[-1]).write_bytes(data)
        count += 1
    reader.stdin.close()
    reader.wait()
    print(f"{entry['name']}: {count} pictures, {len(chosen)} labels", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--clones", type=pathlib.Path, required=True)
    arguments.add_argument("--out", type=pathlib.Path, required=True)
    arguments.add_argument("--only", help="the name of one set")
    given = arguments.parse_args()
    for entry in tomllib.loads((HERE / "sources.toml").read_text())["set"]:
        if given.only in (None, entry["name"]) and not (given.out / entry["name"]).exists():
            collect(entry, given.clones, given.out)


if __name__ == "__main__":
    main()
