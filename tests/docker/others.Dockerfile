# Redis, haproxy and coturn of Debian, in place of the images that compose.yaml names.
ARG BASE
FROM ${BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends coturn haproxy redis-server \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
