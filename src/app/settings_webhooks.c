#include "app/settings_webhooks.h"

#include <stdio.h>

static const char *ca_of(const struct config *config)
{
    return config->webhooks.ca[0] == '\0' ? NULL : config->webhooks.ca;
}

struct auth_webhook_options settings_auth_webhook(const struct config *config)
{
    struct auth_webhook_options options = {
        .client = {.tls = {.ca = ca_of(config)}, .timeout = config->webhooks.timeout},
        .secret = slice_of(config->webhooks.secret),
        .failures = config->webhooks.auth_failures,
        .pause = config->webhooks.auth_pause,
    };
    http_url_parse(slice_of(config->webhooks.auth), &options.client.url);
    return options;
}

bool settings_has_events(const struct config *config)
{
    return config->webhooks.events[0] != '\0' && config->webhooks.events_types != 0;
}

struct event_webhook_options settings_event_webhook(const struct config *config)
{
    struct event_webhook_options options = {
        .client = {.tls = {.ca = ca_of(config)}, .timeout = config->webhooks.timeout},
        .secret = slice_of(config->webhooks.secret),
        .types = config->webhooks.events_types,
        .queue = config->webhooks.events_queue,
        .batch = config->webhooks.events_batch,
        .backoff = config->webhooks.events_backoff,
        .keep = config->webhooks.events_keep,
    };
    http_url_parse(slice_of(config->webhooks.events), &options.client.url);
    return options;
}

int settings_check_webhooks(const struct config *config, char ret_error[SETTINGS_ERROR_SIZE])
{
    struct tls_client_options tls = {.ca = ca_of(config)};
    char cause[TLS_ERROR_SIZE];
    if (tls.ca == NULL || tls_client_check(&tls, cause) == 0)
        return 0;
    snprintf(ret_error, SETTINGS_ERROR_SIZE, "webhooks.ca: %s", cause);
    return -1;
}
