"""Writes the two towers as ONNX, in bytes, and the manifest that names them.

    export.py --work WORK --version V --out FOLDER

The image tower is quantised to int8 (weights by channel, activations calibrated on training
pictures) and computes in it. The text tower keeps a byte for each number and computes in floats.
"""
import argparse
import hashlib
import json
import pathlib
import shutil

import numpy as np
import onnx
import PIL.Image
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from net import DIMENSION, FEATURES, LENGTH, SEEN, ImageTower, TextTower
from teach import rows_of

# Numbers of fewer than this many stay floats.
SMALL = 1024


def fuse(module):
    for name, child in list(module.named_children()):
        if isinstance(child, nn.Sequential):
            parts, fused = list(child), []
            for part in parts:
                if isinstance(part, nn.BatchNorm2d) and fused and isinstance(fused[-1], nn.Conv2d):
                    fused[-1] = fuse_conv_bn_eval(fused[-1], part)
                else:
                    fuse(part)
                    fused.append(part)
            setattr(module, name, nn.Sequential(*fused))
        else:
            fuse(child)


def unit(x):
    return x / x.norm(dim=1, keepdim=True).clamp(min=1e-6)


class Image(nn.Module):
    """Pixels as the program gives them: RGB, 0 to 255."""

    def __init__(self, net):
        super().__init__()
        self.places, self.head = net.places, net.head

    def forward(self, x):
        x = x * (1 / 127.5) - 1
        # One pass over both: ONNX Runtime does not load 8-bit weights that are used twice.
        features = self.places(torch.cat([x, x.flip(3)])).mean((2, 3))
        return unit(self.head(features.view(2, -1, FEATURES).mean(0)))


class Text(nn.Module):
    def __init__(self, tower):
        super().__init__()
        self.tower = tower

    def forward(self, ids):
        x = self.tower.pooled(ids)
        return unit(self.tower.linear(x) + self.tower.deep(x))


def in_bytes(source, target):
    """The same graph with its large tables as int8 and a scale for each of their rows."""
    model = onnx.load(source)
    graph, kept, first = model.graph, [], []
    for one in graph.initializer:
        values = numpy_helper.to_array(one)
        if values.dtype != np.float32 or values.size < SMALL:
            kept.append(one)
            continue
        axes = tuple(range(1, values.ndim))
        scale = np.maximum(np.abs(values).max(axis=axes, keepdims=True), 1e-8) / 127
        kept += [numpy_helper.from_array(np.clip(np.round(values / scale), -127, 127).astype("i1"), one.name + "_q"),
                 numpy_helper.from_array(scale.astype("f4"), one.name + "_s")]
        gathers = [node for node in graph.node if node.op_type == "Gather" and node.input[0] == one.name]
        for node in gathers:
            out, ids = node.output[0], node.input[1]
            node.input[0], node.output[0] = one.name + "_q", out + "_q"
            more = [helper.make_node("Gather", [one.name + "_s", ids], [out + "_s"], axis=0),
                    helper.make_node("Cast", [out + "_q"], [out + "_c"], to=TensorProto.FLOAT),
                    helper.make_node("Mul", [out + "_c", out + "_s"], [out])]
            at = list(graph.node).index(node) + 1
            for offset, new in enumerate(more):
                graph.node.insert(at + offset, new)
        if not gathers:
            first += [helper.make_node("Cast", [one.name + "_q"], [one.name + "_c"], to=TensorProto.FLOAT),
                      helper.make_node("Mul", [one.name + "_c", one.name + "_s"], [one.name])]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    for offset, node in enumerate(first):
        graph.node.insert(offset, node)
    onnx.checker.check_model(model)
    onnx.save(model, target)


class Calibration(CalibrationDataReader):
    def __init__(self, pixels):
        self.left = iter(pixels)

    def get_next(self):
        one = next(self.left, None)
        return None if one is None else {"image": one.transpose(2, 0, 1)[None].astype("f4")}


def samples(work):
    """Whole training pictures of all sets, as the tower sees them."""
    splits = json.loads((work / "flickr8k.json").read_text())["splits"]
    for folder in sorted(path for path in (work / "pictures").iterdir() if path.is_dir()):
        rows = [row for row in rows_of(folder, splits, 40) if row["part"] == "train" and row["view"] == 0]
        for row in rows[:20]:
            picture = PIL.Image.open(folder / row["file"]).convert("RGB")
            yield np.asarray(picture.resize((SEEN, SEEN), PIL.Image.BILINEAR))


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--work", type=pathlib.Path, required=True)
    arguments.add_argument("--version", type=int, required=True)
    arguments.add_argument("--out", type=pathlib.Path, required=True)
    given = arguments.parse_args()
    work, out = given.work, given.out
    out.mkdir(parents=True, exist_ok=True)
    state = torch.load(work / "final.pt")
    net, tower = ImageTower(), TextTower(len(json.loads((work / "vocab.json").read_text())))
    net.load_state_dict(state["image"])
    tower.load_state_dict(state["text"])
    net.eval(), tower.eval()
    fuse(net)
    save = lambda module, example, file, name: torch.onnx.export(
        module.eval(), (example,), str(file), input_names=[name], output_names=["embedding"],
        dynamic_axes={name: {0: "N"}, "embedding": {0: "N"}}, opset_version=17, dynamo=False)
    save(Image(net), torch.zeros(1, 3, SEEN, SEEN), work / "image_f32.onnx", "image")
    save(Text(tower), torch.ones(1, LENGTH, dtype=torch.long), work / "text_f32.onnx", "ids")
    in_bytes(work / "text_f32.onnx", out / "text_i8.onnx")
    quantize_static(str(work / "image_f32.onnx"), str(out / "image_q8.onnx"),
                    Calibration(samples(work)), quant_format=QuantFormat.QDQ,
                    per_channel=True, weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,
                    # What follows the last convolution is small, and stays exact. Averages of extremes:
                    # with the extremes of all samples the vectors are 0.91 like those in floats,
                    # so 0.999.
                    op_types_to_quantize=["Conv", "Relu", "Add", "AveragePool"],
                    extra_options={"CalibMovingAverage": True})
    shutil.copy(work / "vocab.json", out / "vocab.json")
    digest = lambda file: hashlib.sha256((out / file).read_bytes()).hexdigest()
    (out / "manifest.toml").write_text(f'''# The default model of semfs. The keys are described in ../README.md.
name = "semfs-mini"
version = {given.version}
dimension = {DIMENSION}

[image]
file = "image_q8.onnx"
sha256 = "{digest('image_q8.onnx')}"
input = "image"
output = "embedding"
size = {SEEN}
fit = "squash"
scale = 1.0
mean = [0.0, 0.0, 0.0]
std = [1.0, 1.0, 1.0]

[text]
file = "text_i8.onnx"
sha256 = "{digest('text_i8.onnx')}"
input = "ids"
output = "embedding"
length = {LENGTH}

[tokenizer]
kind = "word-pieces"
file = "vocab.json"
sha256 = "{digest('vocab.json')}"
''')
    print(json.dumps({file.name: file.stat().st_size for file in out.iterdir()}))


if __name__ == "__main__":
    main()
