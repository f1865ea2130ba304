# One image for the API, the worker and the migrations; which it is, the command says.
FROM python:3.11-slim AS installed

WORKDIR /service
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --quiet --require-hashes -r requirements.lock -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY api ./api
COPY auth ./auth
COPY domain ./domain
COPY migrations ./migrations
COPY sops ./sops
RUN /venv/bin/pip install --no-cache-dir --quiet --no-deps --no-build-isolation --editable .

FROM python:3.11-slim

# A fixed number, so that the owner of the files with the secrets can be set before the first start.
# The folders are for volumes: one that is new takes over whose they are.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin nrm \
    && install -d -o 10001 -m 0700 /run/sink /var/lib/nrm
COPY --from=installed /venv /venv
COPY --from=installed /service /service
ENV PATH=/venv/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /service
USER 10001
EXPOSE 8000
CMD ["nrm", "serve"]
