"""About: the styles, how well the model knows them, where it comes from, what it cannot do."""

import streamlit as st

from decor_core.bundle import Bundle
from pages.parts.frame import open_page
from pages.parts.resources import shipped_bundle
from pages.parts.samples import samples
from pages.parts.styles import STYLES, Style
from pages.parts.text import between, percent_exact, plain

DATA_URL = "https://www.kaggle.com/datasets/olgabelitskaya/traditional-decor-patterns"
NETWORK_URL = "https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite"


def main() -> None:
    open_page(
        "About Decor",
        "Porcelain, lacquer, paper, linen: each workshop has its own hand. Decor looks at a photo "
        "and names the tradition, and lets you train the model that does so.",
    )
    st.header("Seven styles", anchor=False)
    with st.container(key="styles"):
        for style in STYLES:
            _show_style(style)
    st.header("How well it does", anchor=False)
    _show_quality(shipped_bundle())
    left, right = st.columns(2, gap="large")
    with left:
        st.header("Where it comes from", anchor=False)
        st.markdown(_SOURCES)
    with right:
        st.header("What it cannot do", anchor=False)
        st.markdown(_LIMITS)


def _show_style(style: Style) -> None:
    sample = next((s for s in samples() if s.style == style.label), None)
    with st.container(horizontal=True, gap="medium", vertical_alignment="top"):
        if sample:
            st.image(str(sample.path), width=96, alt=sample.alt)
        with st.container(gap="xsmall"):
            native = "" if style.native == style.label else f" · {style.native}"
            st.markdown(f"**{plain(style.label)}**{native}")
            st.caption(style.home)
            st.markdown(style.look_for)


def _show_quality(bundle: Bundle) -> None:
    if not bundle.cross_validation:
        st.info("This model has not been cross-validated.")
        return
    for place, (name, evaluation) in zip(
        st.columns(len(bundle.cross_validation), gap="large"),
        bundle.cross_validation.items(),
        strict=True,
    ):
        with place, st.container(gap="xsmall"):
            st.metric(f"Right {name}", percent_exact(evaluation.accuracy))
            st.caption(
                f"of {evaluation.n} product photos, each judged by a model that had not seen it; "
                f"the true rate is likely between {between(evaluation.ci95)}."
            )


_SOURCES = f"""
- **Data.** [Traditional Decor Patterns]({DATA_URL}) by Olga Belitskaya. No licence is known for
  its photos, so none of them is in here: only numbers computed from them.
- **Network.** [EfficientNet-Lite0]({NETWORK_URL}) by Google, Apache-2.0, runs on LiteRT. A linear
  head on all of its stages tells the styles apart.
- **Sample pictures.** Drawn for this app; no photograph went into them.
- **Your pictures** stay in the server's memory while you use this page. Nothing is saved.
"""

_LIMITS = """
- It knows these seven styles and nothing else: whatever you show it, it names one of them.
- It learned from a few dozen shop photos of each style, and from only 12 of Neglyubka.
- It judges ornament. It cannot tell a workshop from its imitators, nor date or price a piece.
- A confidence of 90 % means that about one such answer in ten is wrong.
"""

main()
