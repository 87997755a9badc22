"""Tells what pictures show: python classify.py photo.jpg another.png"""

import sys
from pathlib import Path

import onnxruntime
from decor_preprocessing import preprocess, views, weights

HERE = Path(__file__).parent
labels = (HERE / "labels.txt").read_text(encoding="utf-8").splitlines()
model = onnxruntime.InferenceSession(HERE / "model.onnx", providers=["CPUExecutionProvider"])
shapes = {one.name: one.shape for one in model.get_inputs()}
(count, side, *_), (_, places, *_) = shapes["views"], shapes["weights"]
names = [one.name for one in model.get_outputs()]

for file in sys.argv[1:]:
    pixels = preprocess(file)
    parts = {"views": views(pixels, count, side), "weights": weights(pixels, count, places)}
    answer = dict(zip(names, model.run(names, {"object": pixels, **parts}), strict=True))
    unknown = "novelty" in answer and answer["novelty"][0] > 0.5
    print(file + (": none of the known; the nearest are" if unknown else ""))
    found = zip(answer["probabilities"][0], labels, strict=True)
    for probability, label in sorted(found, reverse=True):
        print(f"  {probability:8.3%}  {label}")
