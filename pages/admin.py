"""Admin: how the server is doing, for whoever runs it. Absent where no password is set."""

from math import isinf

import pandas as pd
import streamlit as st
from humanize import naturaldelta

from decor_app.hosting.admin import is_admin, password
from decor_app.hosting.config import VARIABLES, server_config
from decor_app.hosting.metrics import METRICS
from decor_app.page import CLASSIFY, open_page
from decor_app.state.server_stats import server_stats
from decor_core.text import format_bytes

_EVERY = 5.0


def main() -> None:
    if not password():
        st.switch_page(CLASSIFY)
    open_page("How the server is doing", "Since it was started. Numbers only: nobody is in them.")
    if is_admin():
        _watch()
        _settings()


@st.fragment(run_every=_EVERY)
def _watch() -> None:
    now = server_stats()
    sizes = {name: format_bytes(size) if size else "–" for name, size in now.items()}
    rows = (
        (
            ("People here", f"{now['visitors']} of {server_config().sessions}"),
            (
                "Uploads held, MiB",
                f"{now['upload_bytes'] / 2**20:.1f} of {server_config().total_mb}",
            ),
            ("Jobs at work + waiting", f"{now['jobs_running']} + {now['jobs_waiting']}"),
            ("Up for", naturaldelta(now["uptime_seconds"])),
        ),
        (
            ("Memory of the server", sizes["server_bytes"]),
            ("… of the inference", sizes["inference_bytes"]),
            ("… of the training", sizes["training_bytes"]),
            ("… of the evaluation", sizes["evaluation_bytes"]),
        ),
        (
            ("… of the reading", sizes["dataset_bytes"]),
            ("… of TensorFlow", sizes["tensorflow_bytes"]),
            ("Free on the disk", sizes["disk_free_bytes"]),
        ),
    )
    for row in rows:
        for column, (label, value) in zip(st.columns(len(row)), row, strict=True):
            column.metric(label, value, border=True)
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Counted", anchor=False)
        counts = METRICS.counts()
        _table({"What": list(counts), "How often": list(counts.values())}, "Counts")
    with right:
        st.subheader("How long it took", anchor=False)
        timings = METRICS.timings()
        columns = {
            "What": list(timings),
            "How often": [one.n for one in timings.values()],
            "Mean": [_duration(one.total / one.n) for one in timings.values()],
            "Half below": [_duration(one.p50) for one in timings.values()],
            "95\u00a0% below": [_duration(one.p95) for one in timings.values()],
        }
        _table(columns, "Durations")
    st.caption("The same for Prometheus, with the same password: /metrics.")


def _table(columns: dict[str, list], alt: str) -> None:
    if columns["What"]:
        st.dataframe(pd.DataFrame(columns), hide_index=True, alt=alt)
    else:
        st.caption("Nothing yet.")


def _settings() -> None:
    with st.expander("Settings in force"):
        chosen = {
            variable: str(getattr(server_config(), name)) for name, variable in VARIABLES.items()
        }
        st.dataframe(
            pd.DataFrame({"Variable": list(chosen), "Value": list(chosen.values())}),
            hide_index=True,
            alt="Settings",
        )


def _duration(seconds: float) -> str:
    if isinf(seconds):
        return "longer"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.0f} s"


main()
