"""The networks that a name gives: what they take, how large they are, what was published of them.

Sizes are those of the weights without classifier: four bytes for each parameter. Accuracies are the
share of the pictures of ImageNet's validation set whose class came first, with the network's own
classifier, as the tables at SOURCES tell.
"""

import re
from dataclasses import dataclass

LITE, KERAS = "EfficientNet-Lite README", "keras.io"
V1, V3 = "MobileNet v1 README", "MobileNet v3 README"
_SLIM = "https://github.com/tensorflow/models/blob/master/research/slim/nets"
SOURCES = {
    LITE: "https://github.com/tensorflow/tpu/blob/master/models/official/efficientnet/lite/README.md",
    KERAS: "https://keras.io/api/applications",
    V1: f"{_SLIM}/mobilenet_v1.md",
    V3: f"{_SLIM}/mobilenet/README.md",
}


@dataclass(frozen=True)
class KnownNetwork:
    """A network by name, for square pictures of ``side`` pixels.

    ``megabytes`` are those of its weights, ``accuracy`` in percent, published by ``source``.
    ``keras`` is its function in keras.applications and ``module`` where its preprocessing is; of
    the others is known by the beginning of its name.
    """

    name: str
    side: int
    megabytes: float
    accuracy: float
    source: str
    keras: str = ""
    module: str = ""


_KERAS = """
    densenet121            224    28  75.0  DenseNet121        densenet
    densenet169            224    51  76.2  DenseNet169        densenet
    densenet201            224    73  77.3  DenseNet201        densenet
    inception_v3           299    87  77.9  InceptionV3        inception_v3
    inception_resnet_v2    299   217  80.3  InceptionResNetV2  inception_resnet_v2
    xception               299    83  79.0  Xception           xception
    resnet50               224    94  74.9  ResNet50           resnet
    resnet101              224   171  76.4  ResNet101          resnet
    resnet152              224   233  76.6  ResNet152          resnet
    resnet50_v2            224    94  76.0  ResNet50V2         resnet_v2
    resnet101_v2           224   171  77.2  ResNet101V2        resnet_v2
    resnet152_v2           224   233  78.0  ResNet152V2        resnet_v2
    vgg16                  224    59  71.3  VGG16              vgg16
    vgg19                  224    80  71.3  VGG19              vgg19
    mobilenet_v2           224     9  71.3  MobileNetV2        mobilenet_v2
    nasnet_mobile          224    17  74.4  NASNetMobile       nasnet
    nasnet_large           331   340  82.5  NASNetLarge        nasnet
    efficientnet_b0        224    16  77.1  EfficientNetB0     efficientnet
    efficientnet_b1        240    26  79.1  EfficientNetB1     efficientnet
    efficientnet_b2        260    31  80.1  EfficientNetB2     efficientnet
    efficientnet_b3        300    43  81.6  EfficientNetB3     efficientnet
    efficientnet_b4        380    71  82.9  EfficientNetB4     efficientnet
    efficientnet_b5        456   114  83.6  EfficientNetB5     efficientnet
    efficientnet_b6        528   164  84.0  EfficientNetB6     efficientnet
    efficientnet_b7        600   256  84.3  EfficientNetB7     efficientnet
    efficientnet_v2_b0     224    24  78.7  EfficientNetV2B0   efficientnet_v2
    efficientnet_v2_b1     240    28  79.8  EfficientNetV2B1   efficientnet_v2
    efficientnet_v2_b2     260    35  80.5  EfficientNetV2B2   efficientnet_v2
    efficientnet_v2_b3     300    52  82.0  EfficientNetV2B3   efficientnet_v2
    efficientnet_v2_s      384    81  83.9  EfficientNetV2S    efficientnet_v2
    efficientnet_v2_m      480   213  85.3  EfficientNetV2M    efficientnet_v2
    efficientnet_v2_l      480   471  85.7  EfficientNetV2L    efficientnet_v2
    convnext_tiny          224   111  81.3  ConvNeXtTiny       convnext
    convnext_small         224   198  82.3  ConvNeXtSmall      convnext
    convnext_base          224   350  85.3  ConvNeXtBase       convnext
    convnext_large         224   785  86.3  ConvNeXtLarge      convnext
    convnext_xlarge        224  1393  86.7  ConvNeXtXLarge     convnext
"""

# By width: megabytes, and the accuracy for each side in _SIDES; 1.0 at 224 is in Keras's table.
_SIDES = 224, 192, 160, 128
_MOBILENET = {
    "1.0": (13, (None, 70.0, 68.0, 65.2)),
    "0.75": (7, (68.4, 67.2, 65.3, 62.1)),
    "0.50": (3, (63.3, 61.7, 59.1, 56.3)),
    "0.25": (1, (49.8, 47.7, 45.5, 41.5)),
}


def _of_mobilenet() -> list[KnownNetwork]:
    return [
        KnownNetwork(f"mobilenet_{width}_{side}", side, size, top, V1)
        for width, (size, accuracies) in _MOBILENET.items()
        for side, top in zip(_SIDES, accuracies, strict=True)
        if top
    ]


def _of_keras() -> list[KnownNetwork]:
    rows = [line.split() for line in _KERAS.strip().splitlines()]
    return [
        KnownNetwork(name, int(side), float(size), float(top), KERAS, function, module)
        for name, side, size, top, function, module in rows
    ]


_ALL = (
    KnownNetwork("efficientnet_lite0", 224, 14, 75.1, LITE),
    KnownNetwork("efficientnet_lite1", 240, 17, 76.7, LITE),
    KnownNetwork("efficientnet_lite2", 260, 19, 77.6, LITE),
    KnownNetwork("mobilenet_1.0_224", 224, 13, 70.4, KERAS),
    *_of_mobilenet(),
    KnownNetwork("mobilenet_v3_small", 224, 4, 68.1, V3, "MobileNetV3Small", "mobilenet_v3"),
    KnownNetwork("mobilenet_v3_large", 224, 12, 75.6, V3, "MobileNetV3Large", "mobilenet_v3"),
    *_of_keras(),
)
KNOWN = {network.name: network for network in _ALL}
_OTHER_NAMES = {"mobilenet": "mobilenet_1.0_224"}


def _key(name: str) -> str:
    return re.sub(r"[-_.]", "", name.lower())


_BY_KEY = {_key(network.name): network for network in _ALL}
_BY_KEY |= {_key(network.keras): network for network in _ALL if network.keras}
_BY_KEY |= {_key(other): KNOWN[name] for other, name in _OTHER_NAMES.items()}


def known_network(name: str) -> KnownNetwork | None:
    """The network of that name, as Decor (resnet50_v2) or Keras (ResNet50V2) spell it."""
    return _BY_KEY.get(_key(name))
