# The trainer with the digits, for one GPU, several, several machines, or none.
# Build it in the project's folder:
#
#   docker build -f mlengine/docker/training.Dockerfile -t IMAGE .
FROM python:3.11-slim-bookworm

# TensorFlow brings CUDA along; the GPU's driver is the host's, which Google's machines put here.
ENV LD_LIBRARY_PATH=/usr/local/nvidia/lib64
# Lines appear in the platform's log when they are printed.
ENV PYTHONUNBUFFERED=1

RUN pip install --no-cache-dir \
    "tensorflow[and-cuda]==2.21.0" \
    "numpy==2.4.6" \
    "tensorboard==2.21.0"

WORKDIR /app
COPY data ./data
COPY mnistdata.py mlengine/errors.py mlengine/flags.py mlengine/programs.py \
    mlengine/quiet_tensorflow.py ./
COPY mlengine/trainer ./trainer

# For a tuning study in the cloud: --build-arg RUN_AS=root. The folder where the platform looks for
# the metric file is root's.
ARG RUN_AS=trainer
RUN useradd --create-home --uid 1000 trainer
USER ${RUN_AS}
ENTRYPOINT ["python", "-m", "trainer.task"]
