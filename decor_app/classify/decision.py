"""When a prediction is confident, ambiguous, undecided or unknown, and that in words."""

import streamlit as st
from humanize import apnumber

from decor_app import session_keys as keys
from decor_app.format import escape_markdown, percent
from decor_core.model.novelty_detector import FALSE_ALARMS
from decor_core.model.predictor import CONFIDENCE_THRESHOLD, NOVELTY_THRESHOLD, Decision, Prediction
from decor_core.text import plural


def thresholds() -> tuple[float, float]:
    """The confidence that is enough for an answer, and the novelty above which there is none."""
    return (
        keys.CONFIDENCE_THRESHOLD.get(CONFIDENCE_THRESHOLD * 100) / 100,
        keys.NOVELTY_THRESHOLD.get(NOVELTY_THRESHOLD * 100) / 100,
    )


def show_thresholds() -> None:
    """Let people set both thresholds; the first shows in the button that opens them."""
    with st.popover(f"Confidence ≥ {thresholds()[0]:.0%}", icon=":material/tune:"):
        st.slider(
            "Confidence threshold",
            50, 99, round(CONFIDENCE_THRESHOLD * 100),
            key=keys.CONFIDENCE_THRESHOLD,
            format="%d %%",
            persist_state="session",
            help="From this probability on, one class is the answer. Below it, the two likeliest "
            "are named if they reach it together.",
        )  # fmt: skip
        st.slider(
            "Novelty threshold",
            5, 99, round(NOVELTY_THRESHOLD * 100),
            key=keys.NOVELTY_THRESHOLD,
            format="%d %%",
            persist_state="session",
            help="Above it, a picture is unlike all that the model knows: unknown. At 50\u00a0%, "
            f"{apnumber(round(FALSE_ALARMS * 100))} in a hundred pictures of known kinds are "
            "called so. Lower is stricter. Even below it, novelty takes from the confidence.",
        )  # fmt: skip


def decide(prediction: Prediction) -> Decision:
    """The answer by the thresholds that are set."""
    return prediction.decision(*thresholds())


def decision_title(decision: Decision, taxonomy: str) -> str:
    """A headline in Markdown: “Khokhloma”, “Gzhel or Iznik”, “None of the known styles”."""
    if decision.kind == "unknown":
        return f"None of the known {plural(taxonomy)}"
    *most, last = map(escape_markdown, decision.labels)
    if decision.maybe_none:
        return f"{last} or none of the known {plural(taxonomy)}"
    return f"{', '.join(most)} or {last}" if most else last


def describe_confidence(prediction: Prediction, decision: Decision) -> str:
    """How sure the answer is, in Markdown; where it is not, among how many it was chosen."""
    best, *others = prediction.scores
    known = plural(prediction.taxonomy) if others else prediction.taxonomy
    among = f"of the {apnumber(len(others) + 1)} {known} this model knows"
    best_label, share = escape_markdown(best.label), percent(best.probability)
    match decision.kind:
        case "unknown":
            return (
                f"Looks most like {best_label}, {among}, but is unlike everything that it has "
                "seen: do not rely on it."
            )
        case "confident":
            very = "Very confident" if best.probability >= 0.95 else "Confident"
            return f"**{very}**: {share}"
        case "ambiguous" if decision.maybe_none:
            likely = f"looks most like {best_label} ({share}), {among}"
            return f"**Ambiguous**: {likely}, and may be none of them"
        case "ambiguous":
            return f"**Ambiguous**: {share} against {percent(others[0].probability)}"
    return f"**Undecided**: looks most like {best_label}, {among}, but with only {share}"
