"""The controls of a training, each with a sentence on what it does."""

import math
from dataclasses import dataclass

import streamlit as st

from decor_app import session_keys as keys
from decor_app.format import HEAD_WORDS, STEPWISE, escape_markdown, head_name, pluralize
from decor_app.page import DATA
from decor_app.state.datasets import find_dataset
from decor_app.state.training_data import SHIPPED, TrainingSource, training_source, training_sources
from decor_app.state.workspace import workspace
from decor_app.training.preprocessing import DEFAULTS, chosen_copies, chosen_spec, looks
from decor_core.datasets.dataset import Dataset
from decor_core.model.training_config import HEADS, TrainingConfig
from decor_core.model.training_data import TrainingData

_POINTS = 50  # of the training curves: enough to see them bend, whatever the steps
_CONFIG = TrainingConfig("softmax")
_DEFAULTS = {
    keys.LEARN_FROM: SHIPPED,
    keys.ADOPTED: "",
    keys.TRAIN_TAXONOMY: "",
    keys.TRAIN_HEAD: _CONFIG.head,
    keys.STEPS: _CONFIG.steps,
    keys.RATE: _CONFIG.learning_rate,
    keys.BATCH_SIZE: _CONFIG.batch_size,
    keys.DECAY: _CONFIG.weight_decay,
    keys.TEST_SHARE: round(_CONFIG.testing_percentage),
    keys.VALIDATION_SHARE: round(_CONFIG.validation_percentage),
    keys.SEED: _CONFIG.seed,
    **DEFAULTS,
}
RATES = (
    *(0.0001, 0.0002, 0.0003, 0.0005, 0.001, 0.002, 0.003, 0.005),
    *(0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0),
)
DECAYS = (0.0, 0.00001, 0.0001, 0.001, 0.01, 0.1)
PRESETS = {"Model 1": (500, 0.01), "Model 2": (500, 0.03)}


@dataclass(frozen=True)
class Choice:
    """What the controls say: what to learn from, what to tell apart, how to learn it."""

    training_data: TrainingData
    level: str
    config: TrainingConfig

    @property
    def words(self) -> str:
        """The settings in brief."""
        if self.config.head != STEPWISE:
            return head_name(self.config.head)
        return f"{self.config.steps} steps, {self.config.learning_rate:g}"


def chosen() -> Choice:
    """What the controls show now.

    Read in callbacks and not handed to them: who clicks fast means what is shown at the click,
    not what was when the page was last drawn.
    """
    config = TrainingConfig(
        head=keys.TRAIN_HEAD.value,
        steps=keys.STEPS.value,
        learning_rate=keys.RATE.value,
        batch_size=keys.BATCH_SIZE.value,
        weight_decay=keys.DECAY.value,
        eval_interval=max(1, round(keys.STEPS.value / _POINTS)),
        testing_percentage=keys.TEST_SHARE.value,
        validation_percentage=keys.VALIDATION_SHARE.value,
        seed=keys.SEED.value,
    )
    return Choice(_chosen_material(), keys.TRAIN_TAXONOMY.value, config)


def _chosen_material() -> TrainingData:
    set_id = keys.LEARN_FROM.value
    own = find_dataset(set_id)
    spec, copies = chosen_spec(own is not None), chosen_copies(own is not None, _count(own))
    if own is None:
        return TrainingData(spec=spec, augmentation=copies)
    return TrainingData(set_id, own.title, own.version, spec, copies)


def _count(pictures: Dataset | None) -> int:
    return 0 if pictures is None else len(pictures.table)


def choose(steps: int | None, rate: float | None, head: str = STEPWISE) -> None:
    """Move the controls, in a callback only; None leaves one where it is."""
    keys.TRAIN_HEAD.value = head
    if steps is not None:
        keys.STEPS.value = min(max(round(steps, -1), 10), 4000)
    if rate is not None:
        keys.RATE.value = min(RATES, key=lambda known: abs(math.log(known / rate)))


def controls() -> None:
    """Draw all of them; ``chosen`` tells what they say."""
    _set_up()
    _learn_from()
    _taxonomy(chosen_source())
    stepwise = keys.TRAIN_HEAD.value == STEPWISE
    _presets(disabled=not stepwise)
    st.slider(
        "Training steps",
        10,
        4000,
        step=10,
        key=keys.STEPS,
        disabled=not stepwise,
        help="How many times the model corrects itself. Few: it stays behind its powers; "
        "many: it learns the training pictures by heart.",
        persist_state="session",
    )
    st.select_slider(
        "Learning rate",
        RATES,
        format_func=lambda rate: f"{rate:g}",
        key=keys.RATE,
        disabled=not stepwise,
        help="How far each correction goes. Small: slow and steady; large: fast, until it "
        "overshoots.",
        persist_state="session",
    )
    with st.expander("More", key="more"):
        _more(stepwise)
    workspace().controls = {key: key.value for key in _DEFAULTS}


def chosen_source() -> TrainingSource:
    """The pictures that are chosen to learn from."""
    return training_source(keys.LEARN_FROM.value)


def _set_up() -> None:
    """Let the controls stand as this visitor left them, at first at the defaults.

    A data set that was opened on the Data page since is what is to be learned from.
    """
    session = workspace()
    for key, default in _DEFAULTS.items():
        key.setdefault(session.controls.get(key, default))
    if session.data_set != keys.ADOPTED.value:
        keys.ADOPTED.value = session.data_set
        keys.LEARN_FROM.value = session.data_set or keys.LEARN_FROM.value


def _learn_from() -> None:
    known = training_sources()
    if keys.LEARN_FROM.value not in known:
        keys.LEARN_FROM.value = SHIPPED
    st.selectbox(
        "Learn from",
        list(known),
        format_func=lambda set_id: known.get(set_id, set_id),
        key=keys.LEARN_FROM,
        persist_state="session",
    )
    if len(known) == 1:
        st.page_link(
            DATA, label="Bring pictures of your own", icon=":material/add_photo_alternate:"
        )


def _taxonomy(source: TrainingSource) -> None:
    levels = [level.name for level in source.taxonomy.levels]
    if keys.TRAIN_TAXONOMY.value not in levels:
        keys.TRAIN_TAXONOMY.value = levels[0]
    if len(levels) > 1:
        st.segmented_control(
            "Taxonomy",
            levels,
            format_func=str.capitalize,
            required=True,
            key=keys.TRAIN_TAXONOMY,
            persist_state="session",
        )
    st.caption(_level_note(source))


def _level_note(source: TrainingSource) -> str:
    level = keys.TRAIN_TAXONOMY.value
    taxonomy = source.taxonomy.level(level)
    classes = pluralize(len(taxonomy.labels), "class")
    if len(source.taxonomy.levels) == 1:
        return f"{classes}: {escape_markdown(', '.join(taxonomy.labels[:8]))}" + (
            " …" if len(taxonomy.labels) > 8 else "."
        )
    note = f"{classes}."
    if taxonomy.coarser:
        return f"{note} The answers by {escape_markdown(taxonomy.coarser.name)} follow from them."
    return f"{note} Such a model answers by {escape_markdown(level)} alone."


def _presets(disabled: bool) -> None:
    st.markdown(":small[Start from]")
    with st.container(horizontal=True, gap="small"):
        for name, (steps, rate) in PRESETS.items():
            st.button(
                f"{name}: {steps} steps, {rate:g}",
                key=keys.PRESET.of(name),
                on_click=choose,
                args=(steps, rate),
                disabled=disabled,
            )


def _more(stepwise: bool) -> None:
    head = st.segmented_control(
        "Head",
        HEADS,
        format_func=head_name,
        required=True,
        key=keys.TRAIN_HEAD,
        help="The part that learns: a linear rule from the network's numbers to the classes.",
        persist_state="session",
    )
    st.caption(HEAD_WORDS.get(head, ("", ""))[1])
    left, right = st.columns(2, gap="medium")
    with left:
        st.number_input(
            "Batch size",
            1,
            1000,
            key=keys.BATCH_SIZE,
            disabled=not stepwise,
            help="How many pictures each step looks at. Small batches wobble, large ones are "
            "steadier and slower.",
            persist_state="session",
        )
    with right:
        st.number_input(
            "Seed",
            0,
            2**31 - 1,
            key=keys.SEED,
            help="Which dice are thrown: another seed splits the pictures anew and draws other "
            "batches. The same seed gives the same model.",
            persist_state="session",
        )
    st.select_slider(
        "Weight decay",
        DECAYS,
        format_func=lambda decay: f"{decay:g}",
        key=keys.DECAY,
        disabled=not stepwise,
        help="How hard every step pulls the weights towards zero, which keeps the model from "
        "leaning on any one detail.",
        persist_state="session",
    )
    for key, label, least, words in (
        (keys.VALIDATION_SHARE, "Validation share", 0, "watch the"),
        (keys.TEST_SHARE, "Test share", 5, "test the finished"),
    ):
        st.slider(
            label,
            least,
            40,
            step=5,
            format="%d %%",
            key=key,
            help=f"How many of the pictures are kept back to {words} model. More make the figure "
            "surer and leave fewer to learn from.",
            persist_state="session",
        )
    looks(find_dataset(keys.LEARN_FROM.value))
