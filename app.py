"""Start with ``streamlit run app.py``."""

from pages.parts.seeing import get_ready

get_ready()  # while the rest is imported

from pages.parts.frame import navigation  # noqa: E402

navigation().run()
