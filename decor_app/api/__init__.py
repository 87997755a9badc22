"""The HTTP API: classify pictures without a browser. Knows nothing of Streamlit."""
