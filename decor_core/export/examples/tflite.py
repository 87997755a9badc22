"""Tells what pictures show: python classify.py photo.jpg another.png"""

import sys
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter
from decor_preprocessing import preprocess, views, weights

HERE = Path(__file__).parent
labels = (HERE / "labels.txt").read_text(encoding="utf-8").splitlines()
interpreter = Interpreter(str(HERE / "model.tflite"), num_threads=2)
model = interpreter.get_signature_runner()
inputs = model.get_input_details()
(count, side, *_), (_, places, *_) = inputs["views"]["shape"], inputs["weights"]["shape"]

for file in sys.argv[1:]:
    pixels = preprocess(file)
    parts = {"views": views(pixels, count, side), "weights": weights(pixels, count, places)}
    answer = model(object=pixels, **parts)
    unknown = "novelty" in answer and answer["novelty"][0] > 0.5
    print(file + (": none of the known; the nearest are" if unknown else ""))
    found = zip(answer["probabilities"][0], labels, strict=True)
    for probability, label in sorted(found, reverse=True):
        print(f"  {probability:8.3%}  {label}")
