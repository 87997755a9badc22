"""One picture of a data set at large, with all that is known of it."""

from pathlib import PurePosixPath

import streamlit as st

from decor_app import session_keys as keys
from decor_app.components.class_picker import class_picker, edit_by_class
from decor_app.format import escape_markdown, percent
from decor_app.state.datasets import PARTS, edit, opened, parts_of
from decor_app.state.toasts import show_waiting_toasts
from decor_core.data.findings import KINDS
from decor_core.datasets.dataset import Dataset
from decor_core.errors import DecorError
from decor_core.images.decode import load_picture
from decor_core.images.encode import encode_webp

_SIDE = 900


def show_picture_dialog(
    dataset: Dataset, file: str, answer: tuple[str, float] | None = None
) -> None:
    """Show the picture over the page; ``answer`` is what the model in use takes it for."""
    name = PurePosixPath(file).name
    st.dialog(escape_markdown(name), width="large")(_show)(dataset, file, answer)


def _show(dataset: Dataset, file: str, answer: tuple[str, float] | None) -> None:
    now = opened()
    if now is None or now.version != dataset.version:  # the click below, or another tab
        st.rerun()
    show_waiting_toasts()
    left, right = st.columns([7, 5], gap="medium")
    with left:
        try:
            picture = load_picture(dataset.catalog.read(file), max_side=_SIDE)
        except DecorError as error:
            st.error(escape_markdown(str(error)), icon=":material/broken_image:")
        else:
            st.image(encode_webp(picture), width="stretch", alt=f"{file}, {dataset.label_of(file)}")
    with right:
        st.markdown(_facts(dataset, file, answer))
        class_picker(dataset.catalog.taxonomy, keys.ENLARGED_LABEL, "It is something else")
        with st.container(horizontal=True, gap="small"):
            st.button(
                "Relabel",
                icon=":material/label:",
                on_click=_relabel,
                args=(file,),
                type="primary",
            )
            st.button("Drop", icon=":material/delete:", on_click=_drop, args=(file,))


def _relabel(file: str) -> None:
    edit_by_class(keys.ENLARGED_LABEL, lambda now, *named: now.relabel([file], *named))


def _drop(file: str) -> None:
    edit(lambda now: now.drop([file]))


def _facts(dataset: Dataset, file: str, answer: tuple[str, float] | None) -> str:
    row = dataset.table[dataset.table["file"] == file].iloc[0]
    levels = [level.name for level in dataset.catalog.taxonomy.levels]
    facts = {level.capitalize(): row[level] for level in levels}
    facts |= {
        "Type": row["type"],
        "Size": f"{row['width']} × {row['height']} pixels",
        "Part": PARTS.get(parts_of(dataset).get(row["key"], ""), "–"),
        "File": file,
    }
    if answer:
        facts["The model says"] = f"{answer[0]}, {percent(answer[1])}"
    lines = [f"**{name}**: {escape_markdown(str(value))}" for name, value in facts.items()]
    found = [e for e in dataset.open_findings if file in (e.file, e.other)]
    for finding in found:
        kind, message = escape_markdown(KINDS[finding.kind]), escape_markdown(finding.message)
        lines.append(f":orange[:material/warning: {kind}]: {message}")
    return "  \n".join(lines)
