"""Every setting of a training in one place: type, default, range, and what it does.

To add one, add a field to TrainingConfig, ``of_vectors`` if it changes vectors. By itself it is a
flag of “decor train”, in the JSON of runs, and compared between them. For a widget on the page
Retrain call ``setting_widget("name")`` in decor_app/training/settings.py; what is to have none is
listed in tests/app/training/test_retrain_page.py. An estimator that is to take it, ImageClassifier
or VectorClassifier, has a parameter of that name.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

import msgspec

from decor_core.errors import TrainingError
from decor_core.features.backbone_spec import DEFAULT
from decor_core.features.embedder import AUTO, EmbeddingSpec
from decor_core.images.augment import Augmentation, standard
from decor_core.images.views import REGIONS, VIEWS

HEADS = "auto", "ensemble", "logistic", "softmax", "lda"
STEPWISE = "softmax"  # the head that is trained step by step, at a learning rate


def _setting(
    default: Any,
    label: str,
    help: str,
    *,
    range: tuple[float, float] | None = None,
    choices: Sequence[Any] | None = None,
    options: Sequence[Any] | None = None,
    slider: tuple[float, float, float] | None = None,
    heads: Sequence[str] = HEADS,
    of_vectors: bool = False,
    flag: str | None = None,
    flag_alone: Any = None,
    metavar: str | None = None,
) -> Any:
    """A field with its metadata; ``TrainingConfig`` says what each key means."""
    low, high = range or (None, None)
    metadata = {"label": label, "help": help, "min": low, "max": high, "choices": choices}
    metadata |= {"options": options, "slider": slider, "heads": tuple(heads), "flag": flag}
    metadata |= {"flag_alone": flag_alone, "metavar": metavar, "of_vectors": of_vectors}
    return field(default=default, metadata=metadata)


_PERCENT = {"range": (0, 100), "slider": (0, 100, 1), "of_vectors": True}


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training; values out of range or of another type raise TrainingError.

    Flags, widgets and JSON are made from the fields, ``dataclasses.fields(TrainingConfig)``: each
    has ``name``, ``type``, ``default`` and, in ``metadata``,

    - ``label`` (a few words) and ``help`` (one sentence: its effect), both for people;
    - ``min`` and ``max``, which are checked, or ``choices``, all the values there are;
    - ``slider`` (low, high, step) or ``options`` (values): what a widget offers of a wide range;
    - ``heads``: those that the setting has an effect on;
    - ``of_vectors``: whether vectors, once made, have it in them, so that it changes them no more;
    - ``flag``: the name on the command line, where TensorFlow for Poets called it otherwise;
    - ``flag_alone``: the value of the flag that is given without one; ``metavar``: what help calls
      its value.

    ``asdict`` gives the JSON and ``TrainingConfig(**json)`` reads it.
    """

    head: str = _setting(
        "auto",
        "Head",
        "The part that learns, a linear rule from the network's numbers to the classes: "
        "ensemble, lda, the better of the two (auto), logistic, or softmax, which is trained by "
        "gradient descent.",
        choices=HEADS,
    )
    steps: int = _setting(
        500,
        "Training steps",
        "How many times the weights are corrected: with few the model underfits, with many it may "
        "overfit the training pictures.",
        range=(1, 100_000),
        slider=(10, 4000, 10),
        heads=(STEPWISE,),
        flag="how_many_training_steps",
    )
    learning_rate: float = _setting(
        0.01,
        "Learning rate",
        "How far each correction goes: small is slow and steady, large fast until it overshoots.",
        range=(1e-6, 10),
        options=(
            *(0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.003, 0.005),
            *(0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
        ),
        heads=(STEPWISE,),
    )
    batch_size: int = _setting(
        100,
        "Batch size",
        "How many pictures each step looks at: small batches are noisy, large ones steadier and "
        "slower.",
        range=(1, 10_000),
        heads=(STEPWISE,),
        flag="train_batch_size",
    )
    weight_decay: float = _setting(
        0.0,
        "Weight decay",
        "How hard every step pulls the weights towards zero, which keeps the model from leaning on "
        "any one detail.",
        range=(0, 1),
        options=(0.0, 0.00001, 0.0001, 0.001, 0.01, 0.1),
        heads=(STEPWISE,),
    )
    eval_interval: int = _setting(
        10,
        "Evaluation interval",
        "How many steps lie between two points of the training curves; it changes no result.",
        range=(1, 100_000),
        heads=(STEPWISE,),
        flag="eval_step_interval",
    )
    testing_percentage: float = _setting(
        10,
        "Test share",
        "How many percent of the pictures are kept to test the finished model: more make the "
        "figure surer and leave fewer to learn from.",
        range=(0, 100),
        slider=(5, 40, 5),
    )
    validation_percentage: float = _setting(
        10,
        "Validation share",
        "How many percent of the pictures are kept to watch the training: more make the curves "
        "surer and leave fewer to learn from.",
        range=(0, 100),
        slider=(0, 40, 5),
    )
    seed: int = _setting(
        0,
        "Random seed",
        "Another seed splits the pictures and draws the batches anew; the same seed gives the same "
        "model.",
        range=(0, 2**32 - 1),
    )
    architecture: str = _setting(
        DEFAULT,
        "Network",
        "What looks at the pictures: larger networks see finer and take longer.",
        of_vectors=True,
        metavar="NAME_OR_FILE",
    )
    views: int = _setting(
        EmbeddingSpec.views,
        "Views of each picture",
        "Over how many views of the object (whole, center, quarters) is averaged: more take longer "
        "and hardly help, unless the pictures are crowded.",
        range=(1, len(VIEWS)),
        slider=(1, len(VIEWS), 1),
        of_vectors=True,
    )
    region: str = _setting(
        AUTO,
        "Part of the picture",
        "What of each picture is read: the object on its ground, the whole frame, or the one that "
        "does better on a sample of the pictures (auto).",
        choices=(AUTO, *REGIONS),
        of_vectors=True,
    )
    copies: int | None = _setting(
        None,
        "Copies of each picture",
        "How many distorted copies of each picture are trained on beside it; unless it is said, 2 "
        "where the pictures show that they are worth their time, fewer from 1,000 pictures on, and "
        "4 where distortions are chosen.",
        range=(0, 100),
        slider=(0, 4, 1),
        of_vectors=True,
    )
    flip_left_right: bool = _setting(
        False, "Mirror half of them", "Mirror half of the copies.", of_vectors=True
    )
    random_crop: float = _setting(
        0, "Crop, %", "The margin that copies lose, somewhere else each time.", **_PERCENT
    )
    random_scale: float = _setting(0, "Scale, %", "Up to how much copies are enlarged.", **_PERCENT)
    random_brightness: float = _setting(
        0, "Brightness, %", "Up to how much lighter or darker copies get.", **_PERCENT
    )

    quick: bool = _setting(
        False,
        "First model at once",
        "Learn at once and choose nothing: no copies, unless they are asked for, and of heads and "
        "parts of the network the first.",
    )

    fine_tune: int = _setting(
        0,
        "Stages to fine-tune",
        "How many of the network's last stages learn from the pictures, too (0: none, only the "
        "head does); alone, the flag means 3. Takes minutes and TensorFlow; the model is kept if "
        "it is better on the test part by more than chance.",
        range=(0, 20),
        slider=(0, 5, 1),
        flag_alone=3,
    )
    fine_tune_epochs: int = _setting(
        5,
        "Epochs of fine-tuning",
        "How many times the network learns from each picture: it ends before, where the "
        "validation part tells that nothing is gained any more.",
        range=(1, 1000),
        slider=(1, 30, 1),
    )
    fine_tune_rate: float = _setting(
        0.0003,
        "Rate of fine-tuning",
        "How far each correction of the network goes: a large one makes it forget what it knew.",
        range=(1e-6, 0.1),
        options=(0.00003, 0.0001, 0.0003, 0.001),
    )
    fine_tune_minutes: float = _setting(
        15,
        "Minutes of fine-tuning",
        "How long fine-tuning may take: there are fewer epochs where these would take longer.",
        range=(0.1, 10_000),
        slider=(1, 60, 1),
    )

    def __post_init__(self) -> None:
        for one in fields(self):
            value, limits = getattr(self, one.name), one.metadata
            name = limits["label"][0].lower() + limits["label"][1:]
            try:
                msgspec.convert(value, one.type)
            except msgspec.ValidationError as error:
                raise TrainingError(f"The {name} is {value!r}. {error}.") from error
            if limits["choices"] and value not in limits["choices"]:
                known = ", ".join(limits["choices"][:-1])
                raise TrainingError(
                    f"There is no {name} “{value}”; choose {known} or {limits['choices'][-1]}."
                )
            low, high = limits["min"], limits["max"]
            if low is not None and value is not None and not low <= value <= high:
                raise TrainingError(
                    f"The {name} must lie between {low} and {high:,}, but it is {value}."
                )

    @property
    def spec(self) -> EmbeddingSpec:
        """Spec of the vectors; its region is AUTO where the data are to decide."""
        region = "object" if self.quick and self.region == AUTO else self.region
        return EmbeddingSpec(self.architecture, self.views, region=region)

    @property
    def copies_by_data(self) -> bool:
        """Whether the data decide if there are copies, as nobody has chosen them."""
        return self.copies is None and not self._distorts

    @property
    def _distorts(self) -> bool:
        shares = self.random_crop, self.random_scale, self.random_brightness
        return self.flip_left_right or any(shares)

    def augmentation(self, pictures: int) -> Augmentation:
        """Distortions of the copies of so many pictures: as chosen, else the standard ones.

        Of a ``quick`` training there are none, unless their number is chosen.
        """
        if self._distorts:
            distortions = Augmentation(
                flip=self.flip_left_right,
                crop=self.random_crop,
                scale=self.random_scale,
                brightness=self.random_brightness,
            )
        else:
            distortions = standard(pictures)
        copies = distortions.copies * (not self.quick) if self.copies is None else self.copies
        return replace(distortions, copies=copies, seed=self.seed)
