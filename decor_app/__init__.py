"""The Streamlit app: what its pages are made of."""
