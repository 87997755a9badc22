"""Tells what pictures show: python classify.py photo.jpg another.png"""

import sys
from pathlib import Path

from decor_preprocessing import preprocess
from tensorflow import keras

HERE = Path(__file__).parent
labels = (HERE / "labels.txt").read_text(encoding="utf-8").splitlines()
model = keras.models.load_model(HERE / "model.keras")

for file in sys.argv[1:]:
    answer = {k: v.numpy() for k, v in model(preprocess(file)).items()}
    unknown = "novelty" in answer and answer["novelty"][0] > 0.5
    print(file + (": none of the known; the nearest are" if unknown else ""))
    found = zip(answer["probabilities"][0], labels, strict=True)
    for probability, label in sorted(found, reverse=True):
        print(f"  {probability:8.3%}  {label}")
