"""The controls of a training, each with a sentence on what it does."""

import math
from dataclasses import dataclass

import streamlit as st

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
    "learn_from": SHIPPED,
    "adopted": "",
    "train_head": _CONFIG.head,
    "steps": _CONFIG.steps,
    "rate": _CONFIG.learning_rate,
    "batch_size": _CONFIG.batch_size,
    "decay": _CONFIG.weight_decay,
    "test_share": round(_CONFIG.testing_percentage),
    "validation_share": round(_CONFIG.validation_percentage),
    "seed": _CONFIG.seed,
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
    state = st.session_state
    config = TrainingConfig(
        head=state.train_head,
        steps=state.steps,
        learning_rate=state.rate,
        batch_size=state.batch_size,
        weight_decay=state.decay,
        eval_interval=max(1, round(state.steps / _POINTS)),
        testing_percentage=state.test_share,
        validation_percentage=state.validation_share,
        seed=state.seed,
    )
    return Choice(_chosen_material(), state.train_taxonomy, config)


def _chosen_material() -> TrainingData:
    set_id = st.session_state.learn_from
    own = find_dataset(set_id)
    spec, copies = chosen_spec(own is not None), chosen_copies(own is not None, _count(own))
    if own is None:
        return TrainingData(spec=spec, augmentation=copies)
    return TrainingData(set_id, own.title, own.version, spec, copies)


def _count(pictures: Dataset | None) -> int:
    return 0 if pictures is None else len(pictures.table)


def choose(steps: int | None, rate: float | None, head: str = STEPWISE) -> None:
    """Move the controls, in a callback only; None leaves one where it is."""
    st.session_state.train_head = head
    if steps is not None:
        st.session_state.steps = min(max(round(steps, -1), 10), 4000)
    if rate is not None:
        st.session_state.rate = min(RATES, key=lambda known: abs(math.log(known / rate)))


def controls() -> None:
    """Draw all of them; ``chosen`` tells what they say."""
    _set_up()
    _learn_from()
    _taxonomy(chosen_source())
    stepwise = st.session_state.train_head == STEPWISE
    _presets(disabled=not stepwise)
    st.slider(
        "Training steps",
        10,
        4000,
        step=10,
        key="steps",
        disabled=not stepwise,
        help="How many times the model corrects itself. Few: it stays behind its powers; "
        "many: it learns the training pictures by heart.",
        persist_state="session",
    )
    st.select_slider(
        "Learning rate",
        RATES,
        format_func=lambda rate: f"{rate:g}",
        key="rate",
        disabled=not stepwise,
        help="How far each correction goes. Small: slow and steady; large: fast, until it "
        "overshoots.",
        persist_state="session",
    )
    with st.expander("More", key="more"):
        _more(stepwise)
    workspace().controls = {key: st.session_state[key] for key in workspace().controls}


def chosen_source() -> TrainingSource:
    """The pictures that are chosen to learn from."""
    return training_source(st.session_state.learn_from)


def _set_up() -> None:
    """Let the controls stand as this visitor left them, at first at the defaults.

    A data set that was opened on the Data page since is what is to be learned from.
    """
    session, state = workspace(), st.session_state
    session.controls = {"train_taxonomy": "", **_DEFAULTS, **session.controls}
    for key, value in session.controls.items():
        state.setdefault(key, value)
    if session.data_set != state.adopted:
        state.adopted = session.data_set
        state.learn_from = session.data_set or state.learn_from


def _learn_from() -> None:
    known = training_sources()
    if st.session_state.learn_from not in known:
        st.session_state.learn_from = SHIPPED
    st.selectbox(
        "Learn from",
        list(known),
        format_func=lambda set_id: known.get(set_id, set_id),
        key="learn_from",
        persist_state="session",
    )
    if len(known) == 1:
        st.page_link(
            DATA, label="Bring pictures of your own", icon=":material/add_photo_alternate:"
        )


def _taxonomy(source: TrainingSource) -> None:
    levels = [level.name for level in source.taxonomy.levels]
    if st.session_state.train_taxonomy not in levels:
        st.session_state.train_taxonomy = levels[0]
    if len(levels) > 1:
        st.segmented_control(
            "Taxonomy",
            levels,
            format_func=str.capitalize,
            required=True,
            key="train_taxonomy",
            persist_state="session",
        )
    st.caption(_level_note(source))


def _level_note(source: TrainingSource) -> str:
    level = st.session_state.train_taxonomy
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
                key=name,
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
        key="train_head",
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
            key="batch_size",
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
            key="seed",
            help="Which dice are thrown: another seed splits the pictures anew and draws other "
            "batches. The same seed gives the same model.",
            persist_state="session",
        )
    st.select_slider(
        "Weight decay",
        DECAYS,
        format_func=lambda decay: f"{decay:g}",
        key="decay",
        disabled=not stepwise,
        help="How hard every step pulls the weights towards zero, which keeps the model from "
        "leaning on any one detail.",
        persist_state="session",
    )
    for key, label, least, words in (
        ("validation_share", "Validation share", 0, "watch the"),
        ("test_share", "Test share", 5, "test the finished"),
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
    looks(find_dataset(st.session_state.learn_from))
