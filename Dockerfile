FROM python:3.12-slim

RUN useradd --create-home --uid 1000 decor
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY --chown=decor . .
USER decor
ENV DECOR_CACHE=/tmp/decor PYTHONUNBUFFERED=1
EXPOSE 7860
HEALTHCHECK CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://localhost:7860/_stcore/health', timeout=3)"]
CMD ["python", "-m", "streamlit", "run", "app.py", "--server.port=7860", "--server.address=0.0.0.0", "--server.headless=true"]
