# The command line in a container: docker build --tag focuswatch .
# `docker run --rm --volume "$PWD:/work" focuswatch scan ./focus`; state is kept with --volume focuswatch-state:/state
FROM python:3.13-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY focuswatch focuswatch
COPY athena_sql athena_sql
RUN pip wheel --no-cache-dir --disable-pip-version-check --no-deps --wheel-dir /wheels .
RUN python -m venv /opt/focuswatch \
    && /opt/focuswatch/bin/pip install --no-cache-dir --disable-pip-version-check --constraint constraints.txt \
        "$(echo /wheels/focuswatch-*.whl)[aws,mcp]"

FROM python:3.13-slim-bookworm
RUN useradd --uid 1000 --create-home focuswatch \
    && install --directory --owner focuswatch --group focuswatch /work /state
COPY --from=build /opt/focuswatch /opt/focuswatch
ENV PATH="/opt/focuswatch/bin:$PATH" XDG_DATA_HOME=/state
USER 1000:1000
WORKDIR /work
ENTRYPOINT ["focuswatch"]
CMD ["--help"]
