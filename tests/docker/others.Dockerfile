# Redis, haproxy, coturn and Prometheus of Debian, in place of the images that compose.yaml names. What
# their users must find is as in those: turnserver has a capability, and can't be started where that is
# not to be had; nobody may write in /prometheus.
ARG BASE
FROM ${BASE}
RUN apt-get update \
    && apt-get install -y --no-install-recommends coturn haproxy libcap2-bin prometheus redis-server \
    && setcap CAP_NET_BIND_SERVICE=+ep /usr/bin/turnserver \
    && install -d -o 65534 -g 65534 /prometheus \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
