# The prediction service. Build it in the project's folder:
#
#   docker build -f mlengine/docker/serving.Dockerfile -t IMAGE .
#   docker run -p 8080:8080 -v /tmp/dnn/export:/model:ro IMAGE --model /model
FROM python:3.11-slim-bookworm

ENV PYTHONUNBUFFERED=1

RUN pip install --no-cache-dir \
    "tensorflow==2.21.0" \
    "numpy==2.4.6" \
    "fastapi==0.165.0" \
    "pydantic==2.14.3" \
    "uvicorn==0.54.0"

WORKDIR /app
COPY mlengine/serve.py mlengine/errors.py mlengine/quiet_tensorflow.py ./
COPY mlengine/service ./service

RUN useradd --create-home --uid 1000 server
USER server
# The platform may set another; that there is one opens the service to requests from outside.
ENV AIP_HTTP_PORT=8080
EXPOSE 8080
ENTRYPOINT ["python", "serve.py"]
