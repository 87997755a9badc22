"""A run in brief: how good it is and how sure that is, and whether it answers on Classify."""

import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.missing_network import show_missing_network
from decor_app.format import between, escape_markdown
from decor_app.page import CLASSIFY
from decor_app.state.models import in_use, use_model, use_shipped_model
from decor_core.data.checks import describe_same_scene
from decor_core.features.backbones import is_at_hand
from decor_core.model.evaluation import Evaluation
from decor_core.runs.run import Run
from decor_core.text import pluralize

SMALL_TEST = 100


def describe_accuracy(evaluation: Evaluation) -> str:
    """How sure the accuracy on the test pictures is."""
    right = evaluation.accuracy * evaluation.n
    text = (
        f"{right:g} of {evaluation.n} test pictures; the true rate is likely between "
        f"{between(evaluation.ci95)}."
    )
    if evaluation.n < SMALL_TEST:
        text += (
            f" A test of {evaluation.n} is small: one picture more or less is "
            f"{100 / evaluation.n:.1f} points."
        )
    return text


def show_corrections_note(run: Run) -> None:
    """Say where corrections were trained on: the figures are not about them."""
    count = run.bundle.training.get("corrections", 0)
    if isinstance(count, int) and count > 0:
        them = "1 correction was" if count == 1 else f"{count} corrections were"
        st.caption(f"{them} trained on, too; neither they nor copies of them are tested on.")


def show_fine_tuning_note(run: Run) -> None:
    """Say where the network learned from the pictures, too, and what of it."""
    if run.bundle.is_fine_tuned and (network := run.bundle.network):
        count = run.config.fine_tune
        stages = "the last stage" if count == 1 else f"the last {count} stages"
        epochs = f" for {pluralize(len(run.events), 'epoch')}" if run.events else ""
        size, bits = network.size / 1e6, run.bundle.training["fine_tuned"].get("bits", "?")
        st.caption(
            f"Trained deeper (fine-tuned): {stages} of {escape_markdown(network.based_on)} "
            f"learned along{epochs}. Its own network, {size:.1f} MB at {bits} bits, goes with it "
            "into every download."
        )


def show_same_scene_note(run: Run) -> None:
    """Say what the test is worth where the pictures of whole classes are nearly alike."""
    alike = run.bundle.training.get("alike_classes", [])
    if words := describe_same_scene(alike, len(run.bundle.taxonomy.labels)):
        st.warning(escape_markdown(words), icon=":material/filter_none:")


def use_button(run: Run) -> None:
    """Let Classify answer with the run's model, or say that it does; in a row of buttons."""
    if in_use(run):
        label = "Classify answers with this model: try it"
        st.page_link(CLASSIFY, label=label, icon=":material/check:")
        st.button(
            "Back to the shipped model",
            icon=":material/undo:",
            on_click=use_shipped_model,
            key=keys.USE_RUN.of(f"not-{run.id}"),
        )
    elif not is_at_hand(name := run.bundle.embedding.architecture):
        with st.container():
            show_missing_network(name, run.id)
    else:
        st.button(
            "Use this model",
            type="primary",
            icon=":material/check:",
            on_click=use_model,
            args=(run.bundle,),
            key=keys.USE_RUN.of(run.id),
        )
