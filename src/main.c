/* The roomline program: supervisor, or one of its workers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/config.h"
#include "app/health.h"
#include "app/hello.h"
#include "app/init.h"
#include "app/mint.h"
#include "app/options.h"
#include "app/settings.h"
#include "app/supervisor.h"
#include "app/worker.h"
#include "base/crypto.h"
#include "base/log.h"

static int refuse(const struct config_errors *errors)
{
    config_errors_print(errors, stderr);
    return EXIT_BAD_CONFIG;
}

/* Writes out what `buf` holds. */
static int print(struct buf *buf)
{
    size_t written = buf_failed(buf) ? 0 : fwrite(buf->data, 1, buf->len, stdout);
    bool ok = !buf_failed(buf) && written == buf->len && fflush(stdout) == 0;
    buf_done(buf);
    return ok ? EXIT_OK : EXIT_FAILED;
}

static int print_config(const struct config *config, enum config_form form)
{
    struct buf text;
    buf_init(&text, CONFIG_TEXT_MAX);
    config_write(config, form, &text);
    return print(&text);
}

static int print_help(void)
{
    struct buf text;
    buf_init(&text, CONFIG_TEXT_MAX);
    options_write_help(&text);
    return print(&text);
}

/* What is named is there, and fit to be used. */
static int check_files(const struct config *config, struct config_errors *errors)
{
    char cause[SETTINGS_ERROR_SIZE];
    if (config_check(config, errors) != 0)
        return -1;
    if (settings_check_files(config, cause) == 0)
        return 0;
    config_blame(config, cause, errors);
    return -1;
}

static int run(struct config *config)
{
    int exit_code;
    if (!init_fork(&exit_code))
        return exit_code;
    log_init((enum log_level)config->log.level, (enum log_format)config->log.format, -1);
    return supervisor_run(config);
}

static int with_config(enum options_mode mode, struct config *config, struct config_errors *errors)
{
    switch (mode) {
    case OPTIONS_PRINT_EXAMPLE: return print_config(config, CONFIG_FORM_EXAMPLE);
    case OPTIONS_PRINT_REFERENCE: return print_config(config, CONFIG_FORM_REFERENCE);
    case OPTIONS_PRINT_CONFIG: return print_config(config, CONFIG_FORM_EFFECTIVE);
    default: break;
    }
    if (check_files(config, errors) != 0)
        return refuse(errors);
    if (mode != OPTIONS_CHECK)
        return run(config);
    return puts("roomline: the configuration is good") >= 0 ? EXIT_OK : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct config_errors errors = {.count = 0};
    struct options options;
    struct config config;
    if (getenv(WORKER_VARIABLE) != NULL)
        return worker_run();
    if (argc > 1 && strcmp(argv[1], HEALTH_COMMAND) == 0)
        return health_run(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], MINT_COMMAND) == 0)
        return mint_run(argc - 1, argv + 1);
    if (options_parse(&options, argc, argv, &errors) != 0)
        return refuse(&errors);
    if (options.mode == OPTIONS_VERSION)
        return puts("roomline " ROOMLINE_VERSION) >= 0 ? EXIT_OK : EXIT_FAILED;
    if (options.mode == OPTIONS_HELP)
        return print_help();
    crypto_init();
    int exit_code = config_load(&config, &options, environ, &errors) == 0
                        ? with_config(options.mode, &config, &errors)
                        : refuse(&errors);
    config_done(&config);
    return exit_code;
}
