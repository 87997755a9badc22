# Decor as a public server: docker build -t decor . && docker run --rm -p 7860:7860 decor
# What each setting means, and how to put it behind nginx or on a Space: docs/how-to/host.md.
FROM python:3.12.11-slim-bookworm

# One user of its own, with the number that Hugging Face expects.
RUN useradd --create-home --uid 1000 decor
WORKDIR /app

# The packages change seldom, the app often: so they are two layers. Both are compiled here: the
# user who runs them may not write, and would compile TensorFlow anew at each start.
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt

COPY . .
RUN python -m compileall -q app.py decor_core decor_app pages

USER 1000
ENV DECOR_HOSTED=1 \
    DECOR_CACHE=/tmp/decor \
    PYTHONUNBUFFERED=1 \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0 \
    STREAMLIT_SERVER_PORT=7860 \
    STREAMLIT_SERVER_HEADLESS=true
EXPOSE 7860
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "deploy/health.py"]
# The process gets the host's SIGTERM itself and ends with its trainer; see docs/how-to/operate.md.
CMD ["python", "-m", "streamlit", "run", "app.py"]
