"""Tells what pictures show: python classify.py photo.jpg another.png

Pictures are squeezed to the 224 × 224 pixels that the graph takes, as label_image does it.
"""

import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

HERE = Path(__file__).parent
labels = (HERE / "retrained_labels.txt").read_text(encoding="utf-8").splitlines()
definition = tf.compat.v1.GraphDef.FromString((HERE / "retrained_graph.pb").read_bytes())
with tf.Graph().as_default() as graph:
    tf.import_graph_def(definition, name="")

with tf.compat.v1.Session(graph=graph) as session:
    for file in sys.argv[1:]:
        picture = ImageOps.exif_transpose(Image.open(file)).convert("RGB")
        squeezed = picture.resize((224, 224), Image.Resampling.BILINEAR)
        fed = (np.asarray(squeezed, np.float32)[None] - 128) / 128
        probabilities = session.run("final_result:0", {"input:0": fed})[0]
        print(file)
        for probability, label in sorted(zip(probabilities, labels, strict=True), reverse=True):
            print(f"  {probability:8.3%}  {label}")
