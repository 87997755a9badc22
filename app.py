"""Start with ``streamlit run app.py``."""

from pages.parts.frame import navigation

navigation().run()
