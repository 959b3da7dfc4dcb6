#include "app/settings_webhooks.h"

#include <stdio.h>

static const char *ca_of(const struct config *config)
{
    return config->webhooks.ca[0] == '\0' ? NULL : config->webhooks.ca;
}

static struct http_client_options client_of(const struct config *config, const char *url)
{
    struct http_client_options client = {.tls = {.ca = ca_of(config)},
                                         .timeout = config->webhooks.timeout};
    http_url_parse(slice_of(url), &client.url);
    return client;
}

struct auth_webhook_options settings_auth_webhook(const struct config *config)
{
    return (struct auth_webhook_options){
        .client = client_of(config, config->webhooks.auth),
        .secret = slice_of(config->webhooks.secret),
        .failures = config->webhooks.auth_failures,
        .pause = config->webhooks.auth_pause,
    };
}

bool settings_has_events(const struct config *config)
{
    return config->webhooks.events[0] != '\0' && config->webhooks.events_types != 0;
}

struct event_webhook_options settings_event_webhook(const struct config *config)
{
    return (struct event_webhook_options){
        .client = client_of(config, config->webhooks.events),
        .secret = slice_of(config->webhooks.secret),
        .types = config->webhooks.events_types,
        .queue = config->webhooks.events_queue,
        .batch = config->webhooks.events_batch,
        .backoff = config->webhooks.events_backoff,
        .keep = config->webhooks.events_keep,
    };
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
