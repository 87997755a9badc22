"""About: the styles and how well each is recognized, by country, and the model card."""

import streamlit as st

from decor_app import session_keys as keys
from decor_app.about.external_evaluation import (
    describe_external_accuracy,
    describe_external_recall,
    describe_out_of_distribution,
)
from decor_app.about.model_card import model_card
from decor_app.charts.heatmaps import confusion_matrix
from decor_app.components.flags import flag
from decor_app.components.samples import sample_thumb, samples
from decor_app.components.styles import STYLES, describe_recall
from decor_app.format import between, escape_markdown, percent_exact
from decor_app.page import CLASSIFY, open_page
from decor_app.state.models import shipped_bundle
from decor_core.taxonomy import DECOR

_THUMB = 112  # pixels

open_page(
    "About Decor",
    "Porcelain, lacquer, paper, linen: each workshop has its own hand. Decor looks at a photo "
    "and names the tradition, and lets you train the model that does so.",
)
bundle = shipped_bundle()
by_style = bundle.cross_validation.get("style")
by_country = bundle.cross_validation.get("country")
elsewhere = bundle.elsewhere
at_home = "Recognized at home" if elsewhere else "Recognized"

st.header("Seven styles", anchor=False)
if elsewhere:
    st.markdown(
        "At home are photos of the shop whose pictures it learned from, each held out in turn; "
        f"elsewhere are {escape_markdown(elsewhere.source)}."
    )
with st.container(key="styles"):
    for style in STYLES:
        sample = next((one for one in samples() if one.style == style.label), None)
        with st.container(horizontal=True, gap="medium", vertical_alignment="top", wrap=False):
            if sample and (thumb := sample_thumb(sample, 2 * _THUMB)):
                st.image(thumb, width=_THUMB, alt=sample.alt)
            with st.container(gap="xsmall"):
                native = "" if style.native == style.label else f" · {style.native}"
                st.subheader(f"{escape_markdown(style.label)}{native}", anchor=False)
                st.html(f"{flag(DECOR.parent_of(style.label))}<small>{style.home}</small>")
                st.markdown(style.look_for)
                if by_style and style.label in by_style.labels:
                    st.caption(describe_recall(style.label, by_style, at_home))
                if elsewhere:
                    st.caption(describe_external_recall(style.label, elsewhere))
                if sample:
                    st.page_link(
                        CLASSIFY,
                        label=f"Why {style.label}?",
                        icon=":material/search:",
                        query_params={"sample": sample.id},
                    )

if by_country:
    st.header("Four countries", anchor=False)
    with st.container(key="countries"):
        for country in by_country.labels:
            members = [one.label for one in STYLES if DECOR.parent_of(one.label) == country]
            with st.container(gap="xsmall"):
                st.html(f"{flag(country)}<b>{country}</b>")
                st.markdown(escape_markdown(", ".join(members)))
                st.caption(describe_recall(country, by_country, at_home))

st.header("How well it does", anchor=False)
if not bundle.cross_validation:
    st.info("This model has not been cross-validated.")
else:
    columns = st.columns(len(bundle.cross_validation) + bool(elsewhere), gap="large")
    for column, (level, evaluation) in zip(columns, bundle.cross_validation.items(), strict=False):
        with column, st.container(gap="xsmall"):
            st.metric(f"Accuracy by {level}", percent_exact(evaluation.accuracy))
            st.caption(
                f"Of {evaluation.n} product photos, each predicted by a model that had not seen "
                f"it; the true rate is likely between {between(evaluation.ci95)}. Balanced "
                f"accuracy, each {level} counting alike: "
                f"{percent_exact(evaluation.balanced_accuracy)} "
                f"({between(evaluation.balanced_ci95)})."
            )
    if elsewhere:
        accuracy, words = describe_external_accuracy(elsewhere)
        with columns[-1], st.container(gap="xsmall"):
            st.metric("Accuracy elsewhere", accuracy)
            st.caption(words)
    with st.expander("Confusion matrix", icon=":material/grid_on:"):
        st.caption(
            "Photos of each style (rows) by the style they were taken for (columns), on average "
            "over the repeats of the cross-validation."
        )
        confusion_matrix(next(iter(bundle.cross_validation.values())), key=keys.SHIPPED_CELLS)

if elsewhere and elsewhere.strangers:
    st.header("What it takes for its own", anchor=False)
    st.markdown(
        "Ornament of other traditions, which it never learned, should be called unknown. What "
        "looks alike often is not:"
    )
    st.markdown(
        "\n".join(
            f"- {describe_out_of_distribution(strangers)}" for strangers in elsewhere.strangers
        )
    )

st.header("Model card", anchor=False)
with st.container(key="card"):
    for title, text in model_card(bundle):
        with st.container(gap="xsmall"):
            st.subheader(title, anchor=False)
            st.markdown(text)
