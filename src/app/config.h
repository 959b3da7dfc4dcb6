/* The configuration: plain typed fields, one per key of config_keys.h, bounded and checked.
 *
 * Precedence: default, file, environment, flags; a list is replaced as a whole.
 *
 *   struct config_errors errors = {0};
 *   struct options options;
 *   struct config config;
 *   if (options_parse(&options, argc, argv, &errors) == 0 &&
 *       config_load(&config, &options, environ, &errors) == 0 &&
 *       config_check(&config, &errors) == 0)
 *       ... config.limits.message_size ...
 *   config_errors_print(&errors, stderr);
 *   config_done(&config);
 *
 * config_done() comes after config_load() or config_parse_text(), whatever they returned.
 * Counts are unsigned, sizes size_t bytes, durations uint64_t milliseconds, paths NUL-terminated
 * and "" for none, texts and secrets the same, words an int of the enum below. Strings and arrays
 * belong to the config. */
#ifndef ROOMLINE_APP_CONFIG_H
#define ROOMLINE_APP_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "app/config_errors.h"
#include "app/config_keys.h"
#include "app/options.h"
#include "base/buf.h"
#include "base/ip.h"
#include "bus/redis_url.h"

#define CONFIG_FILE_MAX ((size_t)256 * 1024)  /* bytes of YAML that are read */
#define CONFIG_TEXT_MAX ((size_t)1024 * 1024) /* bytes that config_write() may write */

enum config_tls_version { CONFIG_TLS_1_2, CONFIG_TLS_1_3 };
enum config_log_level { CONFIG_LOG_DEBUG, CONFIG_LOG_INFO, CONFIG_LOG_WARN, CONFIG_LOG_ERROR };
enum config_log_format { CONFIG_LOG_AUTO, CONFIG_LOG_TEXT, CONFIG_LOG_JSON };
enum config_proxy_mode { CONFIG_PROXY_NONE, CONFIG_PROXY_PROTOCOL, CONFIG_PROXY_FORWARDED_FOR };
enum config_auth_mode { CONFIG_AUTH_NONE, CONFIG_AUTH_TOKEN, CONFIG_AUTH_WEBHOOK };
enum config_scheme { CONFIG_SCHEME_HTTP, CONFIG_SCHEME_HTTPS, CONFIG_SCHEME_UDP };

const char *config_scheme_name(int scheme); /* "http", "https" or "udp" */

struct config_listener {
    enum config_scheme scheme;
    int family;    /* AF_INET or AF_INET6 */
    char host[46]; /* an IP address without brackets, never a name: localhost was made 127.0.0.1 */
    uint16_t port; /* 0: any free one */
};

struct config_listeners {
    size_t count;
    struct config_listener *items;
};

struct config_origins {
    bool any;  /* "*" */
    bool self; /* the origin that the page was served from, by the Host header */
    size_t count;
    char **items; /* exact origins, in the form in which browsers send them */
};

struct config_networks {
    size_t count;
    struct ip_network *items;
};

/* RTCIceServer of the WebRTC specification. */
struct config_ice_server {
    size_t url_count;
    char **urls;
    char *username;   /* NULL: none */
    char *credential; /* NULL: none; a secret */
};

struct config_ice_servers {
    size_t count;
    struct config_ice_server *items;
    char *json; /* all of them as JSON text, ready for `iceServers` of `joined`; a secret */
};

struct config_texts {
    size_t count;
    char **items;
};

/* One Redis, or one set of sentinels, for each shard. */
struct config_redis {
    size_t count;
    struct config_shard {
        char *text; /* the URL as it was written; a secret, where it holds a password */
        struct redis_url url;
    } * items;
};

#define CONFIG_FIELD_count unsigned
#define CONFIG_FIELD_size size_t
#define CONFIG_FIELD_duration uint64_t
#define CONFIG_FIELD_flag bool
#define CONFIG_FIELD_word int
#define CONFIG_FIELD_path char *
#define CONFIG_FIELD_text char *
#define CONFIG_FIELD_secret char *
#define CONFIG_FIELD_redis struct config_redis
#define CONFIG_FIELD_listeners struct config_listeners
#define CONFIG_FIELD_udp_listeners struct config_listeners
#define CONFIG_FIELD_origins struct config_origins
#define CONFIG_FIELD_networks struct config_networks
#define CONFIG_FIELD_ice_servers struct config_ice_servers
#define CONFIG_FIELD_turn_urls struct config_texts
#define CONFIG_FIELD_secrets struct config_texts
#define CONFIG_FIELD_room_events unsigned /* 1 << enum room_event */

enum config_from {
    CONFIG_FROM_DEFAULT,
    CONFIG_FROM_FILE,
    CONFIG_FROM_ENVIRONMENT,
    CONFIG_FROM_FLAG
};

/* Where a value came from. */
struct config_source {
    enum config_from from;
    unsigned line;      /* of the file */
    const char *option; /* the flag, static: "--set", "--listen" ... */
};

struct config {
#define CONFIG_FIELD(section, name, type, ...) CONFIG_FIELD_##type name;
#define CONFIG_SECTION(name, KEYS, help)                                                           \
    struct {                                                                                       \
        KEYS(CONFIG_FIELD)                                                                         \
    } name;
    CONFIG_SECTIONS(CONFIG_SECTION)
#undef CONFIG_SECTION
#undef CONFIG_FIELD

    char *file; /* as --config named it; NULL: none */
    struct config_source sources[CONFIG_KEY_COUNT];
};

/* Makes a config of all sources. Does not touch what the values name; that is config_check().
 * Returns 0, or -1 with at least one error. */
int config_load(struct config *config, const struct options *options, char **environment,
                struct config_errors *errors);

/* Makes a config of defaults and YAML text, which `name` stands for in errors: how a worker takes
 * over what its supervisor wrote as CONFIG_FORM_INTERNAL. Returns 0, or -1 with at least one
 * error. */
int config_parse_text(struct config *config, const char *text, size_t len, const char *name,
                      struct config_errors *errors);

/* Can the files and directories that the config names be read? Returns 0, or -1 with an error each.
 * Whether a certificate is any good is for the TLS code to say. */
int config_check(const struct config *config, struct config_errors *errors);

/* Adds an error that was found later, "section.key: what is wrong" or "section.key, section.key:
 * ...", and says where the first of them was set that was. */
void config_blame(const struct config *config, const char *cause, struct config_errors *errors);

void config_done(struct config *config);

enum config_form {
    CONFIG_FORM_EFFECTIVE, /* YAML, with where each value came from; secrets replaced */
    CONFIG_FORM_INTERNAL,  /* YAML for a worker: lossless but for `admin`, holds secrets */
    CONFIG_FORM_EXAMPLE,   /* config/roomline.yaml; the values of `config` don't matter */
    CONFIG_FORM_REFERENCE, /* docs/configuration.md; the same */
};

/* Appends to `out`, whose max should be CONFIG_TEXT_MAX. Returns 0, or -1 when it was too much. */
int config_write(const struct config *config, enum config_form form, struct buf *out);

/* Appends one line per key, for --help. */
void config_write_keys(struct buf *out);

#endif
