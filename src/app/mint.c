/* From top to bottom: what the token is to say, whose options the others are, and the making. */
#include "app/mint.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/token.h"
#include "app/config.h"
#include "app/config_number.h"
#include "app/options.h"
#include "app/settings_auth.h"
#include "app/supervisor.h"
#include "base/clock.h"
#include "base/crypto.h"

#define ARGUMENTS_MAX 600 /* of the server's own options */

static const char usage[] =
    "usage: roomline token --room NAME [--room NAME...] [--sub PEER] [--ttl 1h] [--grant "
    "RIGHT...]\n"
    "                      [--info JSON] [--once] [--kid KEY] [OPTION...]\n"
    "Prints an access token, signed by a key of auth.keys_file or auth.secret.\n\n"
    "  --room NAME   a room that it is for, or the start of their names and *; may be repeated\n"
    "  --sub PEER    the peer ID of its bearer; without it the bearer may choose one\n"
    "  --ttl TIME    how long it is good: 90s, 10m, 1h (so long without it), 7d\n"
    "  --grant RIGHT signal, info or admin; may be repeated; without it signal and info\n"
    "  --info JSON   an object that the others are shown\n"
    "  --once        it lets in once, and never again\n"
    "  --kid KEY     the key to sign with; without it the first that can\n\n"
    "OPTION is any of the server's own, such as --config FILE; ROOMLINE_AUTH_SECRET is the secret\n"
    "in the environment.\n";

struct order {
    struct token_order token;
    struct slice kid;
    const char *wrong; /* NULL: nothing yet */
    bool help;
    int argc; /* what is not ours */
    char *argv[ARGUMENTS_MAX + 1];
};

/* --- arguments --- */

static void set_room(struct order *order, const char *value)
{
    if (order->token.room_count == TOKEN_ROOMS_MAX)
        order->wrong = "a token is for 64 rooms at most; take a prefix";
    else
        order->token.rooms[order->token.room_count++] = slice_of(value);
}

static void set_sub(struct order *order, const char *value)
{
    order->token.peer = slice_of(value);
}

static void set_ttl(struct order *order, const char *value)
{
    if (!config_number_parse(value, config_units_duration, &order->token.lifetime))
        order->wrong = "--ttl is a time such as 90s, 10m, 1h or 7d";
}

static void set_grant(struct order *order, const char *value)
{
    unsigned right = token_right(slice_of(value));
    if (right == 0)
        order->wrong = "--grant is signal, info or admin";
    order->token.rights |= right;
}

static void set_info(struct order *order, const char *value)
{
    order->token.info = slice_of(value);
}

static void set_once(struct order *order, const char *value)
{
    (void)value;
    order->token.once = true;
}

static void set_kid(struct order *order, const char *value)
{
    order->kid = slice_of(value);
}

static void set_help(struct order *order, const char *value)
{
    (void)value;
    order->help = true;
}

static const struct argument {
    const char *name;
    bool valued;
    void (*set)(struct order *order, const char *value);
} arguments[] = {
    {"--room", true, set_room},   {"--sub", true, set_sub},    {"--ttl", true, set_ttl},
    {"--grant", true, set_grant}, {"--info", true, set_info},  {"--once", false, set_once},
    {"--kid", true, set_kid},     {"--help", false, set_help},
};

static const struct argument *find(const char *text)
{
    size_t len = strcspn(text, "=");
    for (size_t i = 0; i < sizeof(arguments) / sizeof(arguments[0]); i++)
        if (strlen(arguments[i].name) == len && memcmp(arguments[i].name, text, len) == 0)
            return &arguments[i];
    return NULL;
}

static void keep(struct order *order, char *text)
{
    if (order->argc == ARGUMENTS_MAX)
        order->wrong = "too many arguments";
    else
        order->argv[order->argc++] = text;
}

/* Reads the one at argv[at]; returns where the next one is. */
static int read_argument(struct order *order, int argc, char **argv, int at)
{
    const struct argument *argument = find(argv[at]);
    const char *value = strchr(argv[at], '=');
    if (argument == NULL) {
        keep(order, argv[at]);
        return at + 1;
    }
    if (argument->valued && value == NULL)
        value = ++at < argc ? argv[at] : NULL;
    else if (value != NULL)
        value++;
    if (argument->valued != (value != NULL))
        order->wrong = "an argument lacks its value, or has one too many; see --help";
    else
        argument->set(order, value);
    return at + 1;
}

static const char *read_arguments(struct order *order, int argc, char **argv)
{
    *order = (struct order){.token.lifetime = 3600000};
    order->argv[order->argc++] = argv[0];
    for (int at = 1; at < argc;)
        at = read_argument(order, argc, argv, at);
    if (order->wrong != NULL || order->help)
        return order->wrong;
    return token_check_order(&order->token);
}

/* --- the token --- */

static int complain(const char *text, int exit_code)
{
    fprintf(stderr, "roomline token: %s\n", text);
    return exit_code;
}

static int print_token(const struct order *order, const struct config *config,
                       const struct jwk_set *keys)
{
    struct token_rules rules = settings_auth_rules(config);
    const struct jwk *key = jwk_find_signer(keys, order->kid);
    struct buf token;
    uint64_t expires;
    if (key == NULL)
        return complain(
            order->kid.ptr == NULL
                ? "no key that signs; set auth.secret, or auth.keys_file with a private key"
                : "no key of this kid that signs",
            EXIT_FAILED);
    buf_init(&token, JWT_SIZE_MAX + 1);
    const char *wrong = token_mint(&order->token, key, &rules, clock_unix_ms(), &token, &expires);
    buf_add_char(&token, '\n');
    int exit_code = EXIT_OK;
    if (wrong != NULL)
        exit_code = complain(wrong, EXIT_FAILED);
    else if (fwrite(token.data, 1, token.len, stdout) != token.len || fflush(stdout) != 0)
        exit_code = EXIT_FAILED;
    buf_done(&token);
    return exit_code;
}

static int mint(const struct order *order, const struct config *config)
{
    char cause[SETTINGS_ERROR_SIZE];
    struct jwk_set keys;
    if (settings_auth_keys(config, &keys, cause) != 0)
        return complain(cause, EXIT_BAD_CONFIG);
    int exit_code = print_token(order, config, &keys);
    jwk_set_done(&keys);
    return exit_code;
}

int mint_run(int argc, char **argv)
{
    struct config_errors errors = {.count = 0};
    struct order order;
    struct options options;
    struct config config;
    const char *wrong = read_arguments(&order, argc, argv);
    if (order.help)
        return fputs(usage, stdout) >= 0 && fflush(stdout) == 0 ? EXIT_OK : EXIT_FAILED;
    if (wrong != NULL)
        return complain(wrong, EXIT_BAD_CONFIG);
    if (options_parse(&options, order.argc, order.argv, &errors) != 0) {
        config_errors_print(&errors, stderr);
        return EXIT_BAD_CONFIG;
    }
    crypto_init();
    int exit_code = EXIT_BAD_CONFIG;
    if (config_load(&config, &options, environ, &errors) == 0)
        exit_code = mint(&order, &config);
    else
        config_errors_print(&errors, stderr);
    config_done(&config);
    return exit_code;
}
