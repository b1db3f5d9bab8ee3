# The service on a CPU:
#   docker build -t matte .
#   docker run --rm -p 127.0.0.1:8000:8000 matte serve --host 0.0.0.0 --no-token
FROM python:3.12-slim-bookworm

# Without this index, torch would bring gigabytes of CUDA.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ARG TORCH_VERSION=2.13.0
RUN pip install --no-cache-dir --index-url "$TORCH_INDEX" "torch==$TORCH_VERSION"

WORKDIR /src
COPY pyproject.toml README.md LICENSE NOTICE models.toml ./
COPY docs/weights.md docs/credits.md docs/
COPY src src
# hadolint ignore=DL3013
RUN pip install --no-cache-dir ".[serve]"

RUN useradd --uid 10001 --create-home matte && install -d -o matte -g matte /cache
USER 10001
WORKDIR /home/matte
ENV MATTE_HOME=/cache
VOLUME /cache
EXPOSE 8000
HEALTHCHECK --start-period=60s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/readyz', timeout=5)"]
ENTRYPOINT ["matte"]
CMD ["serve", "--host", "0.0.0.0", "--token-file", "/run/secrets/matte_token"]
