"""The yardstick of load.py: a page that shows an uploaded picture, a choice and a bar chart."""

import pandas as pd
import streamlit as st

file = st.file_uploader("Upload images")
level = st.segmented_control("Taxonomy", ["Style", "Country"], default="Style")
if file:
    st.image(file)
    st.bar_chart(pd.Series({"Gzhel": 0.7, "Khokhloma": 0.2, "Gorodets": 0.1}), horizontal=True)
