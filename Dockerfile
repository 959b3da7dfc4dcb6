# roomline in a container.
#   docker build -t roomline .                    the server
#   docker build -t roomline-test --target test . the same, once the unit tests have passed in it
# compose.yaml uses the targets `roomline` and `setup`.

# One release of Debian for what is built and what runs it.
ARG BASE=debian:trixie-20260824-slim

# --- what makes secrets and a certificate at the first start of compose.yaml ---
FROM ${BASE} AS setup
RUN apt-get update \
    && apt-get install -y --no-install-recommends openssl \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY script/certificate /opt/roomline/script/
COPY docker/setup docker/coturn/turnserver.conf /opt/roomline/
COPY docker/redis/rights /opt/roomline/redis-rights
# A volume that is mounted here for the first time takes over the owner.
RUN install -d -o 10001 -g 10001 /secrets/roomline /secrets/redis /secrets/coturn \
        /secrets/prometheus /secrets/grafana
USER 10001:10001
ENTRYPOINT ["/opt/roomline/setup"]

# --- the build: the packages are those of script/bootstrap ---
FROM ${BASE} AS build
WORKDIR /src
COPY script/bootstrap script/
RUN script/bootstrap run && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY CMakeLists.txt CMakePresets.json LICENSE ./
COPY cmake cmake
COPY deploy/systemd deploy/systemd
COPY src src
RUN cmake --preset release && cmake --build --preset release
COPY client client
COPY docker/pack docker/
RUN docker/pack build/release /out/root /out/packages

# --- the server ---
FROM ${BASE} AS roomline
COPY --from=build /out/packages /tmp/packages
RUN apt-get update \
    && xargs apt-get install -y --no-install-recommends ca-certificates </tmp/packages \
    && rm -rf /var/lib/apt/lists/* /var/cache/* /var/log/* /tmp/packages
COPY --from=build /out/root /
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="roomline" \
      org.opencontainers.image.description="Signaling exchange for WebRTC" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV ROOMLINE_SERVER_CLIENT=/usr/share/roomline/client \
    ROOMLINE_ADMIN_DASHBOARD=/usr/share/roomline/client/dashboard \
    ROOMLINE_LOG_FORMAT=json
USER 10001:10001
WORKDIR /
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=5s --start-period=20s --retries=2 CMD ["roomline", "health"]
ENTRYPOINT ["roomline"]

# --- the unit tests, in what the server was built in ---
FROM build AS test
RUN apt-get update \
    && apt-get install -y --no-install-recommends libcmocka-dev redis-server \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY config config
COPY docs/configuration.md docs/
COPY tests tests
RUN cmake --preset dev && cmake --build --preset dev && ctest --preset dev -j 2 -R '^(base|core|net|bus|api|app)/'

# --- the default ---
FROM roomline
