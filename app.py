"""Start with ``streamlit run app.py``."""

from pages.parts.frame import run_page

run_page()
