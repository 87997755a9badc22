"""The model that answers: what it tells apart, in which taxonomy, and the way back from an own."""

import streamlit as st

from decor_app import session_keys as keys
from decor_app.classify.decision import show_thresholds
from decor_app.components.progress import watch_job
from decor_app.format import escape_markdown
from decor_app.state.first_model import first_model_purpose
from decor_app.state.jobs import job_for
from decor_app.state.models import (
    in_use,
    predictor,
    shipped_bundle,
    use_shipped_model,
    uses_own_model,
)
from decor_app.state.workspace import workspace
from decor_core.model.training_data import TrainingData
from decor_core.text import listed, pluralize

_NAMED = 6  # classes in the headline
_SHIPPED = "Seven traditional styles from four countries, told apart by their ornament."


def headline() -> tuple[str, str]:
    """Title and lead of the page.

    The shipped model is not loaded for it: should that fail, the page has a head at least.
    """
    if not uses_own_model():
        return "Which decor is it?", _SHIPPED
    taxonomy = predictor().bundle.taxonomy
    labels = list(map(escape_markdown, taxonomy.labels))
    if _learned_other_pictures():
        named = listed(labels, _NAMED)
        return "Which is it?", f"A model of yours tells {len(labels)} classes apart: {named}."
    shipped = {name for level in shipped_bundle().taxonomy.levels for name in level.labels}
    new = [escape_markdown(name) for name in taxonomy.labels if name not in shipped]
    if not new:
        return "Which decor is it?", _SHIPPED
    kinds = pluralize(len(labels), taxonomy.name)
    if taxonomy.coarser:
        kinds += f" from {pluralize(len(taxonomy.coarser.labels), taxonomy.coarser.name)}"
    return (
        "Which decor is it?",
        f"{kinds}, told apart by their ornament; {listed(new, _NAMED)} by your corrections.",
    )


def _learned_other_pictures() -> bool:
    """Whether the model in use learned from other pictures than those that ship."""
    own = workspace().model
    data = own and TrainingData.of(own.bundle)
    return own is not None and (data is None or bool(data.set_id))


def show_model_controls() -> str:
    """The level of classes to answer in, which model answers, when it is confident; the level.

    It stands in the address of the page, too.
    """
    names = [level.name for level in predictor().bundle.taxonomy.levels]
    chosen, own_classes = names[0], _learned_other_pictures()
    with st.container(
        horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"
    ):
        if len(names) > 1 or not own_classes:
            linked = st.query_params.get("taxonomy", "").lower()
            chosen = st.segmented_control(
                "Taxonomy",
                names,
                default=linked if linked in names else names[0],
                format_func=str.capitalize,
                required=True,
                key=keys.TAXONOMY.of("-".join(names)),
                persist_state="session",
            )
        _show_model()
        show_thresholds()
    _show_better_one_coming()
    # Written here, as the binding of the widget would write what it shows: “Country”.
    st.query_params["taxonomy"] = chosen
    if len(names) == 1 and not own_classes:
        only = escape_markdown(chosen)
        st.caption(f"This model was trained on {only} alone and cannot tell more.")
    return chosen


def _show_model() -> None:
    """Show the model in use and, for one's own, the way back to the one that ships."""
    if not uses_own_model():
        st.caption("Answered by the shipped model", width="content")
        return
    with st.container(horizontal=True, vertical_alignment="center", width="content", gap="small"):
        title = escape_markdown(predictor().bundle.title)
        st.badge(f"Answered by {title}", color="blue", icon=":material/person:")
        st.button(
            "Back to the shipped model",
            icon=":material/undo:",
            on_click=use_shipped_model,
            type="tertiary",
        )


def _show_better_one_coming() -> None:
    """How far the model is that will answer instead of a first one."""
    for set_id, made in workspace().first_models.items():
        job = job_for(first_model_purpose(set_id), set_id)
        if job and job.active and made.run and in_use(made.run):
            st.caption("This is a first model; a better one will answer as soon as it is there.")
            watch_job(first_model_purpose(set_id), set_id, stop_button=False)
        elif not made.is_collected:
            st.rerun()  # it came while this page was being drawn
