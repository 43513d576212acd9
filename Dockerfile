# piecesd in a container: docs/deploy/container.md says how to build and run it.

# Both stages stand on this. Any image with Python 3.11 or later and its venv will do.
ARG BASE=python:3.13-slim-bookworm
# What is built; has to be the version in piecesd/__init__.py.
ARG VERSION=0.1.0
# When, as 2026-11-22T12:00:00Z, and from which commit.
ARG BUILD_TIME=
ARG COMMIT=unknown

FROM ${BASE} AS build
ARG VERSION
ARG BUILD_TIME
ARG COMMIT
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# pip of its own, so that what runs later has none.
RUN python3 -m venv /pip && python3 -m venv --without-pip /opt/piecesd
WORKDIR /src
COPY LICENSE README.md constraints.txt hatch_build.py pyproject.toml ./
COPY piecesd piecesd
COPY twisted twisted
# A wheel keeps the commit that it finds here, as it does when built from an sdist.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    printf '{"commit": "%s"}\n' "$COMMIT" > piecesd/_build.json \
    && SOURCE_DATE_EPOCH=${BUILD_TIME:+$(date --date="$BUILD_TIME" +%s)} \
    /pip/bin/pip wheel --no-deps --wheel-dir /wheels .
# Twisted writes its list of plugins once, here, because it can't where it runs.
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    /pip/bin/pip --python /opt/piecesd/bin/python install --only-binary :all: \
        --constraint constraints.txt "/wheels/piecesd-$VERSION-py3-none-any.whl" \
    && /opt/piecesd/bin/twistd --help > /dev/null \
    && mkdir -p /made/etc/piecesd /made/var/log/piecesd

FROM ${BASE}
ARG VERSION
ARG BUILD_TIME
ARG COMMIT
LABEL org.opencontainers.image.title="piecesd" \
      org.opencontainers.image.description="Serves the OpenAI HTTP API from gRPC inference services" \
      org.opencontainers.image.licenses="GPL-3.0-or-later" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.created="$BUILD_TIME" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /opt/piecesd /opt/piecesd
COPY --from=build --chown=10001:10001 /made/var/log/piecesd /var/log/piecesd
COPY --from=build /made/etc/piecesd /etc/piecesd
# A container is reached from outside of it. `docker stop` waits ten seconds
# before it kills, so requests are to be over a little earlier.
ENV PATH=/opt/piecesd/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    HOST=0.0.0.0 \
    DRAIN_TIMEOUT=8
USER 10001:10001
WORKDIR /etc/piecesd
EXPOSE 8787
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-m", "piecesd.health"]
ENTRYPOINT ["piecesd"]
