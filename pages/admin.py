"""Admin: how the server is doing, for whoever runs it. Absent where no password is set."""

import pandas as pd
import streamlit as st

from decor_app.format import duration
from decor_app.hosting.admin import is_admin, password
from decor_app.hosting.config import VARIABLES, server_config
from decor_app.hosting.metrics import METRICS
from decor_app.page import CLASSIFY, open_page
from decor_app.state import server_stats as vitals

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
    now = vitals.now()
    rows = (
        (
            ("People here", f"{now.visitors} of {server_config().sessions}"),
            ("Uploads held, MB", f"{now.upload_mb:.1f} of {server_config().total_mb}"),
            ("Jobs at work + waiting", f"{now.running} + {now.waiting}"),
            ("Up for", _long(now.uptime)),
        ),
        (
            ("Memory of the server", _megabytes(now.server_mb)),
            ("Memory of the looker", _megabytes(now.looker_mb)),
            ("Memory of the trainer", _megabytes(now.trainer_mb)),
            ("Memory of the reader", _megabytes(now.reader_mb)),
            ("Free on the disk", f"{now.free_disk_mb / 1024:.1f} GB"),
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
        _timings()


def _timings() -> None:
    timings = METRICS.timings()
    columns = {
        "What": list(timings),
        "How often": [one.n for one in timings.values()],
        "Mean": [_short(one.total / one.n) for one in timings.values()],
        "Half below": [_short(one.quantile(0.5)) for one in timings.values()],
        "95\u00a0% below": [_short(one.quantile(0.95)) for one in timings.values()],
        "Longest": [_short(one.longest) for one in timings.values()],
    }
    _table(columns, "Durations")


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


def _short(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else duration(seconds)


def _long(seconds: float) -> str:
    hours = seconds / 3600
    if hours < 1:
        return f"{seconds / 60:.0f} min"
    return f"{hours:.0f} h" if hours < 48 else f"{hours / 24:.0f} days"


def _megabytes(size: float | None) -> str:
    return "–" if size is None else f"{size:.0f} MB"


main()
