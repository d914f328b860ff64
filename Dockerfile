# One image for every process of the platform; the command chooses which. Packages are those of the lock, by their hashes.

FROM python:3.11.14-slim-bookworm AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/runtime.lock /runtime.lock
RUN python -m venv /packages \
 && /packages/bin/pip install --no-input --no-deps --only-binary :all: --require-hashes -r /runtime.lock

FROM python:3.11.14-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /state --shell /usr/sbin/nologin kompetenspass \
 && install --directory --owner=kompetenspass --group=kompetenspass --mode=0700 /state
COPY --from=packages /packages /packages
COPY shared/src /app/shared/src
COPY services /app/services
COPY demo /app/demo
RUN /packages/bin/python -m compileall -q /app
ENV PATH=/packages/bin:$PATH PYTHONPATH=/app/shared/src:/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /app
USER 10001:10001
VOLUME /state
STOPSIGNAL SIGTERM
CMD ["python", "-m", "services", "--folder", "/state"]
