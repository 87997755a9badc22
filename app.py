"""Start with ``streamlit run app.py``."""

from decor_app.state.inference import get_ready

get_ready()  # while the rest is imported

from decor_app.page import navigation  # noqa: E402

navigation().run()
