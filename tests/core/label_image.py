"""A frozen graph run as TensorFlow for Poets' script label_image runs it."""

import numpy as np
import tensorflow as tf


class LabelImage:
    """What the script label_image does with a graph and a picture, step by step."""

    def __init__(self, path):
        self.graph = tf.Graph()
        definition = tf.compat.v1.GraphDef()
        definition.ParseFromString(path.read_bytes())
        with self.graph.as_default():
            tf.import_graph_def(definition)
        self.session = tf.compat.v1.Session(graph=self.graph)

    def tensor(self, pixels):
        floats = tf.expand_dims(tf.cast(pixels, tf.float32), 0)
        resized = tf.compat.v1.image.resize_bilinear(floats, [224, 224])
        return tf.divide(tf.subtract(resized, [128]), [128]).numpy()

    def run(self, tensor):
        found, fed = (
            self.graph.get_operation_by_name(f"import/{name}") for name in ("final_result", "input")
        )
        return self.session.run(found.outputs[0], {fed.outputs[0]: tensor})

    def read(self, path):
        """A file as its ending says; all of TensorFlow's decoders give red, green, blue."""
        content = tf.io.read_file(str(path))
        if path.suffix == ".png":
            return tf.io.decode_png(content, channels=3)
        if path.suffix == ".gif":
            return tf.squeeze(tf.io.decode_gif(content))
        if path.suffix == ".bmp":
            return tf.io.decode_bmp(content)
        return tf.io.decode_jpeg(content, channels=3)

    def __call__(self, path):
        return np.squeeze(self.run(self.tensor(self.read(path))))
