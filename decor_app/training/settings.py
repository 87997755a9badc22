"""The settings of a training: what to learn from, what to tell apart, how."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any

import streamlit as st

from decor_app import session_keys as keys
from decor_app.format import escape_markdown, head_name
from decor_app.page import DATA
from decor_app.session_keys import SessionKey
from decor_app.state.datasets import find_dataset
from decor_app.state.models import shipped_vectors_or_stop
from decor_app.state.training_vectors import (
    SHIPPED,
    TrainingSource,
    training_source,
    training_sources,
)
from decor_app.state.workspace import workspace
from decor_app.training.augmentation import (
    STANDARD,
    augmentation_preview,
    augmentation_widgets,
    with_chosen_augmentation,
)
from decor_app.training.setting_widget import SETTINGS, setting_widget
from decor_core.features.backbones import NETWORKS, is_at_hand
from decor_core.model.training_config import STEPWISE, TrainingConfig
from decor_core.model.training_data import TrainingData
from decor_core.text import pluralize

_POINTS = 50  # of the training curves: enough to see them bend, whatever the steps
_PRESETS = {"Model 1": (500, 0.01), "Model 2": (500, 0.03)}
_NAMED = 8  # labels
_HEADS = {
    "softmax": "Gradient descent, step by step: steps and learning rate are yours to choose.",
    "lda": "Linear discriminant analysis, computed in one go: no steps, no learning rate.",
    "logistic": "What gradient descent converges to, computed directly: no steps or rate.",
    "ensemble": "Logistic regressions on all blocks of the vector and on single ones, and the mean "
    "of their answers: holds up best on other people's pictures.",
    "auto": "The better of ensemble and LDA, by cross-validation inside the training pictures.",
}
# The distortions are those of the augmentation “Your own”.
_DEFAULTS = TrainingConfig(
    head=STEPWISE,
    copies=2,
    flip_left_right=True,
    random_crop=10,
    random_scale=10,
    random_brightness=10,
    fine_tune=SETTINGS["fine_tune"].metadata["flag_alone"],
)
_INITIAL: dict[SessionKey, Any] = {
    keys.TRAINING_SET: SHIPPED,
    keys.ADOPTED: "",
    keys.TRAIN_TAXONOMY: "",
    keys.AUGMENTATION: STANDARD,
    **{keys.SETTING.of(name): value for name, value in asdict(_DEFAULTS).items()},
}


@dataclass(frozen=True)
class ChosenTraining:
    """The choice of the widgets: training data, level of the taxonomy, settings."""

    training_data: TrainingData
    level: str
    config: TrainingConfig

    @property
    def title(self) -> str:
        """Of the model: the data, and the settings in brief."""
        name = self.training_data.title if self.training_data.set_id else "your model"
        if self.config.head != STEPWISE:
            return f"{name} ({head_name(self.config.head)})"
        return f"{name} ({self.config.steps} steps, {self.config.learning_rate:g})"


def chosen_training() -> ChosenTraining:
    """The settings that the widgets show now, of a training of the head alone.

    Read in callbacks and not handed to them: who clicks fast means what is shown at the click,
    not what was when the page was last drawn.
    """
    values = {name: keys.SETTING.of(name).value for name in SETTINGS}
    values |= {"eval_interval": max(1, round(values["steps"] / _POINTS)), "fine_tune": 0}
    config = with_chosen_augmentation(TrainingConfig(**values))
    dataset = find_dataset(keys.TRAINING_SET.value)
    if dataset is None:
        spec = shipped_vectors_or_stop().spec
        config = replace(
            config, architecture=spec.architecture, views=spec.views, region=spec.region
        )
    # The same copies whatever the seed: to embed others takes far longer than a training.
    augmentation = replace(config, seed=0).augmentation(len(chosen_source().table))
    data = TrainingData(
        spec=config.spec,
        augmentation=augmentation if augmentation.copies else None,
        only_worthwhile=config.copies_by_data,
    )
    if dataset:
        data = replace(data, set_id=dataset.id, title=dataset.title, version=dataset.version)
    return ChosenTraining(data, keys.TRAIN_TAXONOMY.value, config)


def chosen_source() -> TrainingSource:
    """The pictures that are chosen to learn from."""
    return training_source(keys.TRAINING_SET.value)


def set_widgets(steps: int | None, rate: float | None, head: str = STEPWISE) -> None:
    """Move the widgets to what comes nearest, in a callback only; None leaves one where it is."""
    keys.SETTING.of("head").value = head
    if steps is not None:
        low, high, step = SETTINGS["steps"].metadata["slider"]
        keys.SETTING.of("steps").value = min(max(round(steps / step) * step, low), high)
    if rate is not None:
        rates = SETTINGS["learning_rate"].metadata["options"]
        nearest = min(rates, key=lambda known: abs(math.log(known / rate)))
        keys.SETTING.of("learning_rate").value = nearest


def show_settings() -> None:
    """Draw all widgets; ``chosen_training`` tells what they say."""
    _restore()
    _data_widget()
    _taxonomy_widget(chosen_source())
    st.markdown(":small[Start from]")
    with st.container(horizontal=True, gap="small"):
        for name, (steps, rate) in _PRESETS.items():
            st.button(
                f"{name}: {steps} steps, {rate:g}",
                key=keys.PRESET.of(name),
                on_click=set_widgets,
                args=(steps, rate),
                disabled=keys.SETTING.of("head").value != STEPWISE,
            )
    setting_widget("steps")
    setting_widget("learning_rate")
    with st.expander("More", key="more"):
        _more_widgets()
    workspace().controls = {key: key.value for key in _INITIAL}


def _restore() -> None:
    """Let the widgets stand as this visitor left them, at first at the defaults.

    A data set that was opened on the Data page since is what is to be learned from.
    """
    for key, value in _INITIAL.items():
        key.setdefault(workspace().controls.get(key, value))
    opened = workspace().data_set
    if opened != keys.ADOPTED.value:
        keys.ADOPTED.value = opened
        keys.TRAINING_SET.value = opened or keys.TRAINING_SET.value


def _data_widget() -> None:
    known = training_sources()
    if keys.TRAINING_SET.value not in known:
        keys.TRAINING_SET.value = SHIPPED
    st.selectbox(
        "Learn from",
        list(known),
        format_func=lambda set_id: str(known.get(set_id, set_id)),
        key=keys.TRAINING_SET,
        persist_state="session",
    )
    if len(known) == 1:
        st.page_link(
            DATA, label="Bring pictures of your own", icon=":material/add_photo_alternate:"
        )


def _taxonomy_widget(source: TrainingSource) -> None:
    levels = [level.name for level in source.taxonomy.levels]
    if keys.TRAIN_TAXONOMY.value not in levels:
        keys.TRAIN_TAXONOMY.value = levels[0]
    level = keys.TRAIN_TAXONOMY.value
    taxonomy = source.taxonomy.level(level)
    note = pluralize(len(taxonomy.labels), "class")
    if len(levels) == 1:
        more = " …" if len(taxonomy.labels) > _NAMED else "."
        st.caption(f"{note}: {escape_markdown(', '.join(taxonomy.labels[:_NAMED]))}{more}")
        return
    st.segmented_control(
        "Taxonomy",
        levels,
        format_func=str.capitalize,
        required=True,
        key=keys.TRAIN_TAXONOMY,
        persist_state="session",
    )
    if taxonomy.coarser:
        coarser = escape_markdown(taxonomy.coarser.name)
        st.caption(f"{note}. The answers by {coarser} follow from them.")
    else:
        st.caption(f"{note}. Such a model answers by {escape_markdown(level)} alone.")


def _more_widgets() -> None:
    setting_widget("head", format_func=head_name)
    st.caption(_HEADS.get(keys.SETTING.of("head").value, ""))
    left, right = st.columns(2, gap="medium")
    with left:
        setting_widget("batch_size")
    with right:
        setting_widget("seed")
    setting_widget("weight_decay")
    setting_widget("validation_percentage", format="%d %%")
    setting_widget("testing_percentage", format="%d %%")
    dataset = find_dataset(keys.TRAINING_SET.value)
    if dataset:
        setting_widget("architecture", choices=NETWORKS, format_func=_describe_network)
        setting_widget("views")
        setting_widget("region", format_func=str.capitalize)
    else:
        spec = shipped_vectors_or_stop().spec
        st.caption(
            f"Network {escape_markdown(spec.architecture)}, {spec.views} views of each picture. "
            "What ships are the vectors of these photos, not the photos: another network, other "
            "views or distortions need pictures of your own, from the Data page."
        )
    augmentation_widgets(dataset)
    augmentation_preview(dataset, chosen_training().training_data.augmentation)


def _describe_network(name: str) -> str:
    return name if is_at_hand(name) else f"{name} (downloaded when first used)"
