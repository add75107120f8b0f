# The pool in a container: `web` by default; `worker` and `release` by their commands (see Procfile).
# tests/nubabel/test_container.py follows these steps without Docker.
#
# Pin the base by digest where you build:  docker build --build-arg PYTHON=python:3.11-slim-bookworm@sha256:… .
ARG PYTHON=python:3.11-slim-bookworm

# --- what is installed: wheels only, so nothing of them runs here, and each must have the hash we tested
FROM ${PYTHON} AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# With traces:  docker build --build-arg TRACING='-r /build/requirements-tracing.txt' .
ARG TRACING=
COPY requirements.txt requirements-tracing.txt /build/
RUN python -m venv /venv \
 && /venv/bin/python -m pip install --no-deps --require-hashes --only-binary=:all: -r /build/requirements.txt ${TRACING} \
 && /venv/bin/python -m pip check \
 && /venv/bin/python -m pip uninstall --yes pip setuptools
# A .pth file runs at every start of the interpreter, asked or not.
RUN test -x /venv/bin/python && test -z "$(find /venv -name '*.pth')"

# --- what runs: no compiler, no pip, nobody's home, nothing of it writable for the one who runs it
FROM ${PYTHON}
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin nubabel
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_ENV=production HOST=0.0.0.0 DATA_DIR=/tmp/nubabel ENV_FILE=/dev/null
COPY --from=packages /venv /venv
WORKDIR /app
COPY manage.py Procfile ./
COPY accounts accounts
COPY gateway gateway
COPY notifications notifications
COPY nubabel nubabel
COPY quota quota
COPY templates templates
RUN python -m compileall -q -j 0 /venv/lib /app
USER 10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s CMD ["python", "-c", \
  "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\", \"8000\")}/health/live', timeout=2)"]
CMD ["python", "manage.py", "web"]
