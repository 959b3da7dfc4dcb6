#include "app/config_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config_table.h"
#include "base/crypto_key.h"
#include "net/http_url.h"

/* Where a key's value came from, for messages. */
struct origin {
    char text[4096 + 16];
};

static struct config_place place_of(const struct config *config, enum config_id id,
                                    struct origin *origin, struct config_errors *errors)
{
    const struct config_source *source = &config->sources[id];
    struct config_place place = {.key = &config_keys[id], .errors = errors};
    place.origin = origin->text;
    switch (source->from) {
    case CONFIG_FROM_FILE:
        snprintf(origin->text, sizeof(origin->text), "%s", config->file);
        place.line = source->line;
        break;
    case CONFIG_FROM_ENVIRONMENT:
        snprintf(origin->text, sizeof(origin->text), "environment %s",
                 config_key_variable(place.key).name);
        break;
    case CONFIG_FROM_FLAG: place.origin = source->option; break;
    case CONFIG_FROM_DEFAULT: place.origin = NULL;
    }
    return place;
}

/* Values */

static bool listens_by(const struct config_listeners *listen, enum config_scheme scheme)
{
    for (size_t i = 0; i < listen->count; i++) {
        if (listen->items[i].scheme == scheme)
            return true;
    }
    return false;
}

/* Two settings of which one needs, or excludes, the other. */
static int complain(const struct config *config, enum config_id id, struct config_errors *errors,
                    const char *what)
{
    struct origin origin;
    struct config_place place = place_of(config, id, &origin, errors);
    config_error(&place, 0, "%s", what);
    return -1;
}

static int check_tls(const struct config *config, struct config_errors *errors)
{
    bool cert = config->tls.cert[0] != '\0';
    bool key = config->tls.key[0] != '\0';
    if (listens_by(&config->server.listen, CONFIG_SCHEME_HTTPS) && !cert && !key)
        return complain(config, CONFIG_ID(server, listen), errors,
                        "an https address needs tls.cert and tls.key");
    if (cert && !key)
        return complain(config, CONFIG_ID(tls, cert), errors, "needs tls.key, too");
    if (key && !cert)
        return complain(config, CONFIG_ID(tls, key), errors, "needs tls.cert, too");
    return 0;
}

static int check_admin(const struct config *config, struct config_errors *errors)
{
    bool cert = config->admin.cert[0] != '\0';
    bool key = config->admin.key[0] != '\0';
    if (listens_by(&config->admin.listen, CONFIG_SCHEME_HTTPS) && !cert && !key)
        return complain(config, CONFIG_ID(admin, listen), errors,
                        "an https address needs admin.cert and admin.key");
    if (cert && !key)
        return complain(config, CONFIG_ID(admin, cert), errors, "needs admin.key, too");
    if (key && !cert)
        return complain(config, CONFIG_ID(admin, key), errors, "needs admin.cert, too");
    if (config->admin.client_ca[0] != '\0' && !cert)
        return complain(config, CONFIG_ID(admin, client_ca), errors,
                        "needs admin.cert and admin.key, too");
    if (config->admin.client_ca[0] != '\0' && listens_by(&config->admin.listen, CONFIG_SCHEME_HTTP))
        return complain(config, CONFIG_ID(admin, client_ca), errors,
                        "can't be demanded over http; let all of admin.listen be https");
    return 0;
}

static int check_auth(const struct config *config, struct config_errors *errors)
{
    size_t len = strlen(config->auth.secret);
    if (len > 0 && len < CRYPTO_SECRET_MIN)
        return complain(config, CONFIG_ID(auth, secret), errors, "must have 32 bytes or more");
    if (config->auth.mode == CONFIG_AUTH_TOKEN && len == 0 && config->auth.keys_file[0] == '\0')
        return complain(config, CONFIG_ID(auth, mode), errors,
                        "token needs auth.keys_file or auth.secret, too");
    return 0;
}

static int check_webhook_url(const struct config *config, enum config_id id, const char *text,
                             struct config_errors *errors)
{
    struct http_url url;
    const char *wrong = text[0] == '\0' ? NULL : http_url_parse(slice_of(text), &url);
    char what[128];
    if (wrong == NULL)
        return 0;
    snprintf(what, sizeof(what), "%s; write it as https://HOST[:PORT]/PATH", wrong);
    return complain(config, id, errors, what);
}

static int check_webhooks(const struct config *config, struct config_errors *errors)
{
    size_t len = strlen(config->webhooks.secret);
    if (config->auth.mode == CONFIG_AUTH_WEBHOOK && config->webhooks.auth[0] == '\0')
        return complain(config, CONFIG_ID(auth, mode), errors,
                        "webhook needs webhooks.auth, its URL, too");
    if (len > 0 && len < CRYPTO_SECRET_MIN)
        return complain(config, CONFIG_ID(webhooks, secret), errors, "must have 32 bytes or more");
    return check_webhook_url(config, CONFIG_ID(webhooks, auth), config->webhooks.auth, errors) |
           check_webhook_url(config, CONFIG_ID(webhooks, events), config->webhooks.events, errors);
}

static bool lacks_password(const struct config *config)
{
    for (size_t i = 0; i < config->bus.redis.count; i++) {
        const struct redis_login *login = &config->bus.redis.items[i].url.login;
        if (login->user[0] != '\0' && login->password[0] == '\0')
            return config->bus.password[0] == '\0' && config->bus.password_file[0] == '\0';
    }
    return false;
}

static int check_logins(const struct config *config, struct config_errors *errors)
{
    bool password = config->bus.password[0] != '\0';
    bool sentinel_password = config->bus.sentinel_password[0] != '\0';
    bool sentinel_file = config->bus.sentinel_password_file[0] != '\0';
    if (password && config->bus.password_file[0] != '\0')
        return complain(config, CONFIG_ID(bus, password_file), errors,
                        "bus.password is set as well");
    if (sentinel_password && sentinel_file)
        return complain(config, CONFIG_ID(bus, sentinel_password_file), errors,
                        "bus.sentinel_password is set as well");
    if (lacks_password(config))
        return complain(config, CONFIG_ID(bus, redis), errors,
                        "a user without a password: it goes into the URL, bus.password or "
                        "bus.password_file");
    if (config->bus.sentinel_user[0] != '\0' && !sentinel_password && !sentinel_file)
        return complain(config, CONFIG_ID(bus, sentinel_user), errors,
                        "needs bus.sentinel_password or bus.sentinel_password_file, too");
    return 0;
}

static int check_bus(const struct config *config, struct config_errors *errors)
{
    bool cert = config->bus.cert[0] != '\0';
    bool key = config->bus.key[0] != '\0';
    if (cert && !key)
        return complain(config, CONFIG_ID(bus, cert), errors, "needs bus.key, too");
    if (key && !cert)
        return complain(config, CONFIG_ID(bus, key), errors, "needs bus.cert, too");
    /* Between braces Redis Cluster finds what decides where a key lies: the room's name. */
    if (strpbrk(config->bus.prefix, "{}") != NULL)
        return complain(config, CONFIG_ID(bus, prefix), errors, "must not hold { or }");
    return check_logins(config, errors);
}

static int check_stun(const struct config *config, struct config_errors *errors)
{
    const char *url = config->stun.url;
    bool turn = false;
    if (url[0] != '\0' && (!config_is_ice_url(url, &turn) || turn))
        return complain(config, CONFIG_ID(stun, url), errors,
                        "not the URL of a STUN server; allowed: stun:HOST or stun:HOST:PORT");
    if (url[0] != '\0' && config->stun.listen.count == 0)
        return complain(config, CONFIG_ID(stun, url), errors,
                        "needs stun.listen, too; other servers go into session.ice_servers");
    return 0;
}

static int check_turn(const struct config *config, struct config_errors *errors)
{
    bool urls = config->turn.urls.count > 0;
    bool secrets = config->turn.secrets.count > 0;
    bool file = config->turn.secrets_file[0] != '\0';
    if (urls && !secrets && !file)
        return complain(config, CONFIG_ID(turn, urls), errors,
                        "needs turn.secrets or turn.secrets_file, too");
    if (secrets && file)
        return complain(config, CONFIG_ID(turn, secrets_file), errors,
                        "turn.secrets is set as well");
    if (!urls && (secrets || file))
        return complain(config, secrets ? CONFIG_ID(turn, secrets) : CONFIG_ID(turn, secrets_file),
                        errors, "needs turn.urls, too");
    return 0;
}

static int check_proxy(const struct config *config, struct config_errors *errors)
{
    bool wanted = config->proxy.mode != CONFIG_PROXY_NONE;
    bool named = config->proxy.networks.count > 0;
    if (wanted && !named)
        return complain(config, CONFIG_ID(proxy, mode), errors, "needs proxy.networks, too");
    if (named && !wanted)
        return complain(config, CONFIG_ID(proxy, networks), errors,
                        "needs proxy.mode proxy-protocol or x-forwarded-for, too");
    return 0;
}

int config_check_values(const struct config *config, struct config_errors *errors)
{
    int result = check_tls(config, errors);
    result |= check_admin(config, errors);
    result |= check_auth(config, errors);
    result |= check_webhooks(config, errors);
    result |= check_bus(config, errors);
    result |= check_proxy(config, errors);
    result |= check_turn(config, errors);
    result |= check_stun(config, errors);
    return result;
}

/* Files */

/* The first of the keys at the start of `cause` that was set at all; NULL: none. */
static const struct config_key *first_set(const struct config *config, const char *cause)
{
    for (const char *at = cause;; at += strspn(at, ", ")) {
        char path[CONFIG_PATH_MAX];
        size_t len = strcspn(at, ":, ");
        snprintf(path, sizeof(path), "%.*s", (int)len, at);
        const struct config_key *key = config_key_find_path(path);
        if (key == NULL || config->sources[config_key_id(key)].from != CONFIG_FROM_DEFAULT)
            return key;
        at += len;
    }
}

void config_blame(const struct config *config, const char *cause, struct config_errors *errors)
{
    struct config_place place = {.origin = "roomline", .errors = errors};
    struct origin origin;
    const struct config_key *key = first_set(config, cause);
    if (key != NULL)
        place = place_of(config, config_key_id(key), &origin, errors);
    place.key = NULL; /* `cause` names it */
    config_error(&place, 0, "%s", cause);
}

static int check_path(const struct config *config, enum config_id id, const char *path, mode_t kind,
                      struct config_errors *errors)
{
    struct origin origin;
    struct config_place place = place_of(config, id, &origin, errors);
    struct stat status;
    if (path[0] == '\0')
        return 0;
    /* Not blocking: a FIFO without a writer must not hang the check. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &status) < 0) {
        config_error(&place, 0, "%s cannot be read: %s", config_quote(path).text, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    close(fd);
    if ((status.st_mode & S_IFMT) != kind) {
        config_error(&place, 0, "%s is not a %s", config_quote(path).text,
                     kind == S_IFDIR ? "directory" : "file");
        return -1;
    }
    return 0;
}

int config_check(const struct config *config, struct config_errors *errors)
{
#define PATH(section, name, kind)                                                                  \
    {                                                                                              \
        CONFIG_ID(section, name), config->section.name, kind                                       \
    }
    const struct {
        enum config_id id;
        const char *path;
        mode_t kind;
    } paths[] = {
        PATH(tls, cert, S_IFREG),
        PATH(tls, key, S_IFREG),
        PATH(auth, keys_file, S_IFREG),
        PATH(admin, token_file, S_IFREG),
        PATH(admin, cert, S_IFREG),
        PATH(admin, key, S_IFREG),
        PATH(admin, client_ca, S_IFREG),
        PATH(server, client, S_IFDIR),
        PATH(turn, secrets_file, S_IFREG),
        PATH(bus, password_file, S_IFREG),
        PATH(bus, sentinel_password_file, S_IFREG),
        PATH(bus, ca, S_IFREG),
        PATH(bus, cert, S_IFREG),
        PATH(bus, key, S_IFREG),
    };
#undef PATH
    int result = 0;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        result |= check_path(config, paths[i].id, paths[i].path, paths[i].kind, errors);
    return result;
}
