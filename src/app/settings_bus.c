#include "app/settings_bus.h"

#include <stdio.h>
#include <string.h>

#include "app/settings_file.h"
#include "base/mem.h"

static int fail(char *ret_error, const char *key, const char *path, const char *what)
{
    snprintf(ret_error, SETTINGS_ERROR_SIZE, "%s: %.512s: %s", key, path, what);
    return -1;
}

/* From the file, or as it is configured. */
static int take_password(const char *key, const char *path, const char *plain, char *ret_password,
                         char *ret_error)
{
    _Static_assert(sizeof(((struct redis_login *)0)->password) == SETTINGS_LINE_SIZE,
                   "a password is a line of a file");
    if (path[0] == '\0') {
        snprintf(ret_password, SETTINGS_LINE_SIZE, "%s", plain);
        return 0;
    }
    const char *wrong = settings_read_line(path, ret_password);
    return wrong == NULL ? 0 : fail(ret_error, key, path, wrong);
}

static int read_logins(const struct config *config, struct settings_bus *bus,
                       struct redis_login *login, char *ret_error)
{
    snprintf(bus->sentinel.user, sizeof(bus->sentinel.user), "%s", config->bus.sentinel_user);
    int error = take_password("bus.password_file", config->bus.password_file, config->bus.password,
                              login->password, ret_error);
    if (error != 0)
        return error;
    return take_password("bus.sentinel_password_file", config->bus.sentinel_password_file,
                         config->bus.sentinel_password, bus->sentinel.password, ret_error);
}

static const char *path_or_null(const char *path)
{
    return path[0] == '\0' ? NULL : path;
}

int settings_bus(const struct config *config, struct settings_bus *ret_bus,
                 char ret_error[SETTINGS_ERROR_SIZE])
{
    struct redis_login login = {.user = ""};
    *ret_bus = (struct settings_bus){
        .count = config->bus.redis.count,
        .tls = {.ca = path_or_null(config->bus.ca),
                .pair = {path_or_null(config->bus.cert), path_or_null(config->bus.key)}},
    };
    int error = read_logins(config, ret_bus, &login, ret_error);
    if (error == 0)
        ret_bus->urls = mem_must((ret_bus->count + 1) * sizeof(*ret_bus->urls));
    for (size_t i = 0; error == 0 && i < ret_bus->count; i++) {
        struct redis_url *url = &ret_bus->urls[i];
        *url = config->bus.redis.items[i].url;
        if (url->login.password[0] == '\0')
            memcpy(url->login.password, login.password, sizeof(login.password));
        ret_bus->use_tls = ret_bus->use_tls || url->tls;
    }
    explicit_bzero(&login, sizeof(login));
    if (error != 0)
        settings_bus_done(ret_bus);
    return error;
}

void settings_bus_done(struct settings_bus *bus)
{
    if (bus->urls != NULL)
        explicit_bzero(bus->urls, bus->count * sizeof(*bus->urls));
    mem_free(bus->urls);
    explicit_bzero(bus, sizeof(*bus));
}

int settings_check_bus(const struct config *config, char ret_error[SETTINGS_ERROR_SIZE])
{
    struct settings_bus bus;
    char cause[TLS_ERROR_SIZE];
    if (settings_bus(config, &bus, ret_error) != 0)
        return -1;
    /* Also where no URL needs them yet: what is configured must be good. */
    bool wanted = bus.use_tls || bus.tls.ca != NULL || bus.tls.pair.cert != NULL;
    int error = wanted ? tls_client_check(&bus.tls, cause) : 0;
    settings_bus_done(&bus);
    if (error != 0)
        snprintf(ret_error, SETTINGS_ERROR_SIZE, "bus.ca, bus.cert, bus.key: %s", cause);
    return error;
}
