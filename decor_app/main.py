"""Runs the open page; Streamlit calls it for each visitor at each click."""

from decor_app.page import run

run()
