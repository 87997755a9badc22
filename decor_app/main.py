"""What Streamlit runs for each visitor at each click: the page that is open."""

from decor_app.page import run

run()
