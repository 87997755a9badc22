"""Tells what pictures show: python classify.py photo.jpg another.png"""

import sys
from pathlib import Path

from ai_edge_litert.interpreter import Interpreter
from decor_look import look, views, weights

HERE = Path(__file__).parent
labels = (HERE / "labels.txt").read_text(encoding="utf-8").splitlines()
interpreter = Interpreter(str(HERE / "model.tflite"), num_threads=2)
model = interpreter.get_signature_runner()
inputs = model.get_input_details()
(count, side, *_), (_, places, *_) = inputs["views"]["shape"], inputs["weights"]["shape"]

for file in sys.argv[1:]:
    fed = look(file)
    parts = {"views": views(fed, count, side), "weights": weights(fed, count, places)}
    answer = model(object=fed, **parts)
    unknown = "novelty" in answer and answer["novelty"][0] > 0.5
    print(file + (": none of the known; the nearest are" if unknown else ""))
    found = zip(answer["probabilities"][0], labels, strict=True)
    for probability, label in sorted(found, reverse=True):
        print(f"  {probability:8.3%}  {label}")
