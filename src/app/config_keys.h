/* The one table of configuration keys. struct config, the reading of YAML, environment and flags,
 * --print-config, --help, docs/configuration.md and config/roomline.yaml all follow it: a new key
 * is one line here.
 *
 * X(section, name, type, default as written in YAML, min, max, note, help)
 *   type   one of config_type.h; CONFIG_FIELD_<type> in config.h is its C type
 *   min    of numbers, in the unit of the type; 0 is also good where `note` says what it means; of
 *          listeners how many there must be
 *   note   of numbers what 0 means, NULL: nothing special; of words all of them, in enum order */
#ifndef ROOMLINE_APP_CONFIG_KEYS_H
#define ROOMLINE_APP_CONFIG_KEYS_H

#define CONFIG_SECOND 1000ULL /* ms */
#define CONFIG_HOUR (3600 * CONFIG_SECOND)
#define CONFIG_DAY (24 * CONFIG_HOUR)
#define CONFIG_MIB (1024ULL * 1024)

/* clang-format off */

#define CONFIG_SECTIONS(S) \
    S(server, CONFIG_SERVER, "Where the server listens, and what it serves.") \
    S(tls, CONFIG_TLS, "The certificate of the https listeners.") \
    S(admin, CONFIG_ADMIN, "The listener for operators: rooms, health, metrics; never for clients.") \
    S(auth, CONFIG_AUTH, "Who may enter: tokens that a back end signs. See docs/access.md.") \
    S(webhooks, CONFIG_WEBHOOKS, "Back ends that decide who may enter, and are told what happens.") \
    S(http, CONFIG_HTTP, "HTTP headers.") \
    S(limits, CONFIG_LIMITS, "What one client, and all of them, may take.") \
    S(proxy, CONFIG_PROXY, "Load balancers in front of the server, and how they say whom they bring.") \
    S(timeouts, CONFIG_TIMEOUTS, "How long the server waits for a client.") \
    S(session, CONFIG_SESSION, "The life of a membership, and how browsers find each other.") \
    S(stun, CONFIG_STUN, "A STUN responder of our own, which tells browsers what address they are seen under.") \
    S(turn, CONFIG_TURN, "TURN servers that share a secret with this one, as coturn does by use-auth-secret.") \
    S(bus, CONFIG_BUS, "Redis, which joins instances; without one each instance is alone.") \
    S(drain, CONFIG_DRAIN, "How an instance goes away, counted from SIGTERM.") \
    S(log, CONFIG_LOG, "What is written to stderr.")

#define CONFIG_SERVER(X) \
    X(server, listen, listeners, "[http://0.0.0.0:8080]", 1, 0, NULL, \
      "Addresses to listen on; port 0 takes a free one, which the log names.") \
    X(server, instance, text, "", 0, 64, NULL, \
      "The instance's name among others; empty for the host's name and a random end.") \
    X(server, workers, count, "0", 1, 256, "one per core", \
      "Worker processes; each has its own event loop.") \
    X(server, client, path, "", 0, 0, NULL, \
      "Directory of the static web client, read at the start and on SIGHUP; empty for none.") \
    X(server, origins, origins, "[self]", 0, 0, NULL, \
      "Pages that may open a WebSocket: self is the host that served the page, * is any page.") \
    X(server, rooms_on_demand, flag, "true", 0, 0, NULL, \
      "Whether a join makes the room where there is none; otherwise only administrators make rooms.") \
    X(server, watch, duration, "1m", 100, CONFIG_DAY, "never", \
      "How often certificates and files of secrets are looked at; new ones are read as on SIGHUP.") \
    X(server, backlog, count, "1024", 1, 65535, NULL, \
      "Connections that may wait to be accepted, per worker and listener; the kernel caps it.")

#define CONFIG_TLS(X) \
    X(tls, cert, path, "", 0, 0, NULL, \
      "PEM file of the certificate, then its chain; read again on SIGHUP.") \
    X(tls, key, path, "", 0, 0, NULL, \
      "PEM file of the certificate's private key; read again on SIGHUP.") \
    X(tls, min_version, word, "1.2", 0, 0, "1.2 1.3", \
      "The oldest TLS that is spoken.") \
    X(tls, ticket_rotation, duration, "1h", CONFIG_SECOND, 7 * CONFIG_DAY, NULL, \
      "A session ticket key signs for this long, and is accepted for as long again.")

#define CONFIG_ADMIN(X) \
    X(admin, listen, listeners, "[http://127.0.0.1:9090]", 0, 0, NULL, \
      "Addresses to listen on; [] for none. Where the default is taken the instance goes without.") \
    X(admin, token, secret, "", 0, 512, NULL, \
      "Who sends it as bearer token may do everything; without any there are only health and metrics.") \
    X(admin, token_file, path, "", 0, 0, NULL, \
      "File of such tokens, one a line, so that one can follow another; read again on SIGHUP.") \
    X(admin, dashboard, path, "", 0, 0, NULL, \
      "Directory of the dashboard, client/dashboard of the project, served there; empty for none.") \
    X(admin, cert, path, "", 0, 0, NULL, \
      "PEM file of the certificate of its https addresses, then its chain; read again on SIGHUP.") \
    X(admin, key, path, "", 0, 0, NULL, \
      "PEM file of that certificate's private key; read again on SIGHUP.") \
    X(admin, client_ca, path, "", 0, 0, NULL, \
      "PEM file of the authorities that vouch for clients, which then must show a certificate.")

#define CONFIG_AUTH(X) \
    X(auth, mode, word, "none", 0, 0, "none token webhook", \
      "none lets everybody in; token demands a JWT that one of the keys signed; webhook asks.") \
    X(auth, keys_file, path, "", 0, 0, NULL, \
      "JWK Set (RFC 7517) of keys for HS256, ES256 and EdDSA; read again on SIGHUP.") \
    X(auth, secret, secret, "", 0, 512, NULL, \
      "A secret of 32 bytes or more for HS256, in place of a file or beside it.") \
    X(auth, issuer, text, "", 0, 256, NULL, \
      "The iss that every token must have; empty for any.") \
    X(auth, audience, text, "", 0, 256, NULL, \
      "The aud that every token must name; empty: none may name any.") \
    X(auth, clock_skew, duration, "30s", 0, 300 * CONFIG_SECOND, NULL, \
      "How far the issuer's clock may be off: so long before nbf and after exp a token counts.")

#define CONFIG_WEBHOOKS(X) \
    X(webhooks, auth, text, "", 0, 2048, NULL, \
      "URL that decides who may enter, where auth.mode is webhook. See docs/webhooks.md.") \
    X(webhooks, secret, secret, "", 0, 512, NULL, \
      "A secret of 32 bytes or more that requests are signed with; empty: they are not.") \
    X(webhooks, ca, path, "", 0, 0, NULL, \
      "PEM file of the authorities that vouch for these URLs; empty for those of the system.") \
    X(webhooks, timeout, duration, "3s", 1, CONFIG_HOUR, NULL, \
      "For one request, the connection included.") \
    X(webhooks, auth_failures, count, "5", 1, 1000000, "never left alone", \
      "Failures in a row after which it is left alone, and joins are refused at once.") \
    X(webhooks, auth_pause, duration, "5s", 1, CONFIG_HOUR, NULL, \
      "How long it is left alone before one join tries it again.") \
    X(webhooks, events, text, "", 0, 2048, NULL, \
      "URL that is told who comes and goes; empty for none. The same on all instances.") \
    X(webhooks, events_types, room_events, \
      "[room-opened, room-closed, peer-joined, peer-left]", 0, 0, NULL, \
      "What it is told of.") \
    X(webhooks, events_queue, count, "10000", 1, 1000000, NULL, \
      "Events that wait to be told, of each worker; what finds no room is dropped, and counted.") \
    X(webhooks, events_batch, count, "200", 1, 1000, NULL, \
      "Events in one request.") \
    X(webhooks, events_backoff, duration, "60s", 1, CONFIG_HOUR, NULL, \
      "The longest wait before a request that failed is sent again; the first ones are shorter.") \
    X(webhooks, events_keep, duration, "1h", CONFIG_SECOND, 7 * CONFIG_DAY, "for ever", \
      "How long a request is tried before its events are dropped.")

#define CONFIG_HTTP(X) \
    X(http, hsts, duration, "0", CONFIG_SECOND, 730 * CONFIG_DAY, "header not sent", \
      "max-age of Strict-Transport-Security: browsers then refuse plain http for this host.")

#define CONFIG_LIMITS(X) \
    X(limits, connections, count, "100000", 1, 10000000, "no limit", \
      "Open connections, all workers together.") \
    X(limits, connections_per_address, count, "10000", 1, 10000000, "no limit", \
      "Open connections from one IP address; a whole company may share one.") \
    X(limits, rooms, count, "100000", 1, 10000000, "no limit", \
      "Rooms that exist at a time.") \
    X(limits, peers_per_room, count, "64", 1, 100000, "no limit", \
      "Peers in one room.") \
    X(limits, messages_per_second, count, "100", 1, 1000000, "no limit", \
      "Messages that one peer may send per second in the long run.") \
    X(limits, messages_burst, count, "200", 1, 1000000, "one second's worth", \
      "Messages that one peer may send at once: a call's ICE candidates come in a burst.") \
    X(limits, bytes_per_second, size, "1MiB", 1, 1024 * CONFIG_MIB, "no limit", \
      "Bytes of messages that one peer may send per second in the long run.") \
    X(limits, bytes_burst, size, "2MiB", 1, 1024 * CONFIG_MIB, "one second's worth", \
      "Bytes of messages that one peer may send at once; a larger message never gets through.") \
    X(limits, rate_strikes, count, "100", 1, 1000000, "no limit", \
      "Refusals for rate in a row after which the connection is closed.") \
    X(limits, message_size, size, "64KiB", 1, 64 * CONFIG_MIB, "no limit", \
      "One message; an offer with many tracks takes some 10 KiB.") \
    X(limits, info_size, size, "4KiB", 1, CONFIG_MIB, "no limit", \
      "The info of one peer; every member of the room holds it.") \
    X(limits, fragments, count, "64", 1, 1000000, "no limit", \
      "WebSocket frames that one message may come in.") \
    X(limits, control_frames_per_second, count, "50", 1, 1000000, "no limit", \
      "WebSocket pings and pongs from one connection per second.") \
    X(limits, output_queue, size, "1MiB", 1, 1024 * CONFIG_MIB, "no limit", \
      "Bytes that wait for one slow reader before it is closed; it may resume.") \
    X(limits, header_size, size, "16KiB", 1, CONFIG_MIB, "no limit", \
      "Request line and headers of one HTTP request.") \
    X(limits, body_size, size, "64KiB", 1, 64 * CONFIG_MIB, "no limit", \
      "Body of one HTTP request.") \
    X(limits, hold_messages, count, "64", 1, 100000, "no limit", \
      "Messages kept for a peer that is away, until it resumes.") \
    X(limits, hold_bytes, size, "256KiB", 1, 64 * CONFIG_MIB, "no limit", \
      "Bytes kept for a peer that is away, until it resumes.")

#define CONFIG_PROXY(X) \
    X(proxy, mode, word, "none", 0, 0, "none proxy-protocol x-forwarded-for", \
      "What tells the client's address: a PROXY header, version 1 or 2, or X-Forwarded-For.") \
    X(proxy, networks, networks, "[]", 0, 0, NULL, \
      "Where the load balancers are; what anybody else says of addresses is not believed.")

#define CONFIG_TIMEOUTS(X) \
    X(timeouts, tls_handshake, duration, "10s", 1, CONFIG_HOUR, "no limit", \
      "From accept to the end of the TLS handshake.") \
    X(timeouts, headers, duration, "10s", 1, CONFIG_HOUR, "no limit", \
      "From a request's first byte to the end of its headers.") \
    X(timeouts, http_idle, duration, "60s", 1, CONFIG_DAY, "no limit", \
      "Between two requests on one connection.") \
    X(timeouts, join, duration, "10s", 1, CONFIG_HOUR, "no limit", \
      "From the WebSocket upgrade to the join.") \
    X(timeouts, close, duration, "5s", 1, CONFIG_HOUR, "no limit", \
      "For the other side's close frame, once ours is sent.")

#define CONFIG_SESSION(X) \
    X(session, ping_interval, duration, "25s", 1, CONFIG_HOUR, "no pings", \
      "Silence after which a client is pinged; two and a half of these and it is gone.") \
    X(session, resume_window, duration, "30s", 1, CONFIG_DAY, "no resume", \
      "How long a peer that lost its socket may come back to its place.") \
    X(session, ice_servers, ice_servers, "[]", 0, 0, NULL, \
      "STUN and TURN servers that every client is told when it joins.")

#define CONFIG_STUN(X) \
    X(stun, listen, udp_listeners, "[udp://0.0.0.0:3478]", 0, 16, NULL, \
      "Addresses to answer on; [] for none. Where the default is taken the instance goes without.") \
    X(stun, url, text, "", 0, 512, NULL, \
      "What clients are told of it; empty for the host that they asked for the WebSocket.") \
    X(stun, requests_per_second, count, "100", 1, 1000000, "no limit", \
      "Requests from one address per second in the long run, and twice as many at once.")

#define CONFIG_TURN(X) \
    X(turn, urls, turn_urls, "[]", 0, 0, NULL, \
      "Where they are; every client is told, with credentials of its own.") \
    X(turn, secrets, secrets, "[]", 0, 0, NULL, \
      "The secret; of several the first signs, so that it can be changed without a gap.") \
    X(turn, secrets_file, path, "", 0, 0, NULL, \
      "File that holds them, one a line; read again on SIGHUP.") \
    X(turn, ttl, duration, "1h", CONFIG_SECOND, 30 * CONFIG_DAY, NULL, \
      "How long credentials hold; fresh ones are sent before they end.")

#define CONFIG_BUS(X) \
    X(bus, redis, redis, "[]", 0, 0, NULL, \
      "Redis servers, the same on every instance; with several, rooms are spread over them.") \
    X(bus, prefix, text, "rl:", 0, 64, NULL, \
      "All keys and channels in Redis begin with it: another one for another cluster.") \
    X(bus, password, secret, "", 0, 512, NULL, \
      "Password for Redis, where the URL has none.") \
    X(bus, password_file, path, "", 0, 0, NULL, \
      "File that holds that password in its first line.") \
    X(bus, sentinel_user, text, "", 0, 128, NULL, \
      "User to log in to sentinels as.") \
    X(bus, sentinel_password, secret, "", 0, 512, NULL, \
      "Password for sentinels.") \
    X(bus, sentinel_password_file, path, "", 0, 0, NULL, \
      "File that holds that password in its first line.") \
    X(bus, ca, path, "", 0, 0, NULL, \
      "PEM file of the authorities that vouch for Redis; empty for those of the system.") \
    X(bus, cert, path, "", 0, 0, NULL, \
      "PEM file of the certificate that Redis is shown, then its chain.") \
    X(bus, key, path, "", 0, 0, NULL, \
      "PEM file of that certificate's private key.")

#define CONFIG_DRAIN(X) \
    X(drain, linger, duration, "5s", 0, CONFIG_DAY, NULL, \
      "Keep accepting for this long: load balancers are slow to notice.") \
    X(drain, spread, duration, "15s", 0, CONFIG_DAY, NULL, \
      "Time over which clients are asked to go, so that they don't all return at once.") \
    X(drain, deadline, duration, "30s", 0, CONFIG_DAY, NULL, \
      "Then whoever is left is closed.")

#define CONFIG_LOG(X) \
    X(log, level, word, "info", 0, 0, "debug info warn error", \
      "The least important lines that are written.") \
    X(log, format, word, "auto", 0, 0, "auto text json", \
      "auto is text on a terminal and JSON elsewhere.")

/* clang-format on */

/* Every key of every section. */
#define CONFIG_KEYS(X)                                                                             \
    CONFIG_SERVER(X)                                                                               \
    CONFIG_TLS(X)                                                                                  \
    CONFIG_ADMIN(X)                                                                                \
    CONFIG_AUTH(X)                                                                                 \
    CONFIG_WEBHOOKS(X)                                                                             \
    CONFIG_HTTP(X)                                                                                 \
    CONFIG_LIMITS(X)                                                                               \
    CONFIG_PROXY(X)                                                                                \
    CONFIG_TIMEOUTS(X)                                                                             \
    CONFIG_SESSION(X)                                                                              \
    CONFIG_STUN(X)                                                                                 \
    CONFIG_TURN(X)                                                                                 \
    CONFIG_BUS(X)                                                                                  \
    CONFIG_DRAIN(X)                                                                                \
    CONFIG_LOG(X)

#define CONFIG_ID(section, name) CONFIG_KEY_##section##_##name

enum config_id {
#define X(section, name, ...) CONFIG_ID(section, name),
    CONFIG_KEYS(X)
#undef X
        CONFIG_KEY_COUNT,
};

enum config_section_id {
#define X(name, ...) CONFIG_SECTION_##name,
    CONFIG_SECTIONS(X)
#undef X
        CONFIG_SECTION_COUNT,
};

#endif
