"""Whether the app in this container answers: exit code 0, else 1. Asked by Docker's HEALTHCHECK.

Only this address tells: any other is answered with the page, whether the app works or not.
"""

import os
import sys
import urllib.request

port = os.environ.get("STREAMLIT_SERVER_PORT", "8501")
path = os.environ.get("STREAMLIT_SERVER_BASE_URL_PATH", "").strip("/")
url = "/".join(part for part in (f"http://127.0.0.1:{port}", path, "_stcore/health") if part)
try:
    with urllib.request.urlopen(url, timeout=4) as answer:
        sys.exit(answer.read() != b"ok")
except OSError as error:
    sys.exit(f"{url}: {error}")
