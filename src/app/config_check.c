#include "app/config_check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config_table.h"

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

static bool wants_tls(const struct config *config)
{
    for (size_t i = 0; i < config->server.listen.count; i++) {
        if (config->server.listen.items[i].scheme == CONFIG_SCHEME_HTTPS)
            return true;
    }
    return false;
}

int config_check_values(const struct config *config, struct config_errors *errors)
{
    struct origin origin;
    bool cert = config->tls.cert[0] != '\0';
    bool key = config->tls.key[0] != '\0';
    if (wants_tls(config) && !cert && !key) {
        struct config_place place = place_of(config, CONFIG_ID(server, listen), &origin, errors);
        config_error(&place, 0, "an https address needs tls.cert and tls.key");
        return -1;
    }
    if (cert != key) {
        enum config_id given = cert ? CONFIG_ID(tls, cert) : CONFIG_ID(tls, key);
        struct config_place place = place_of(config, given, &origin, errors);
        config_error(&place, 0, "needs %s, too", cert ? "tls.key" : "tls.cert");
        return -1;
    }
    return 0;
}

/* Files */

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
    int result = check_path(config, CONFIG_ID(tls, cert), config->tls.cert, S_IFREG, errors);
    result |= check_path(config, CONFIG_ID(tls, key), config->tls.key, S_IFREG, errors);
    result |= check_path(config, CONFIG_ID(server, client), config->server.client, S_IFDIR, errors);
    return result;
}
