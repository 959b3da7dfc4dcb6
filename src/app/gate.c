#include "app/gate.h"

#include <stdio.h>

#include "app/settings_auth.h"
#include "app/settings_webhooks.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

struct gate {
    uv_loop_t *loop;
    const struct config *config;
    struct gate_events events;
    struct auth_webhook *webhook; /* NULL: tokens decide */
    struct token_rules rules;
    struct jwk_set keys;
    struct token token; /* the last one; large */
};

bool gate_is_guarded(const struct config *config)
{
    return config->auth.mode != CONFIG_AUTH_NONE;
}

struct gate *gate_new(uv_loop_t *loop, const struct config *config,
                      const struct gate_events *events)
{
    struct gate *gate = mem_must(sizeof(*gate));
    gate->loop = loop;
    gate->config = config;
    gate->events = *events;
    gate->rules = settings_auth_rules(config);
    return gate;
}

void gate_free(struct gate *gate)
{
    if (gate == NULL)
        return;
    jwk_set_done(&gate->keys);
    mem_free(gate);
}

void gate_close(struct gate *gate)
{
    auth_webhook_close(gate->webhook);
    gate->webhook = NULL;
}

static int load_webhook(struct gate *gate, char ret_error[SETTINGS_ERROR_SIZE])
{
    struct auth_webhook_options options = settings_auth_webhook(gate->config);
    char cause[HTTP_CLIENT_ERROR_SIZE];
    options.client.loop = gate->loop;
    options.on_verdict = gate->events.on_verdict;
    options.context = gate->events.context;
    gate->webhook = auth_webhook_new(&options, cause);
    if (gate->webhook != NULL)
        return 0;
    snprintf(ret_error, SETTINGS_ERROR_SIZE, "webhooks: %s", cause);
    return -1;
}

int gate_load(struct gate *gate, char ret_error[SETTINGS_ERROR_SIZE])
{
    struct jwk_set keys;
    if (gate->config->auth.mode == CONFIG_AUTH_WEBHOOK)
        return gate->webhook != NULL ? 0 : load_webhook(gate, ret_error);
    if (settings_auth_keys(gate->config, &keys, ret_error) != 0)
        return -1;
    jwk_set_done(&gate->keys);
    gate->keys = keys;
    return 0;
}

static int check_token(struct gate *gate, uint64_t connection, const struct access_request *asked,
                       struct grant *ret_grant)
{
    const char *cause;
    int error = token_check(&gate->token, &gate->keys, &gate->rules, asked->token, asked->room,
                            clock_unix_ms(), &cause);
    if (error != 0)
        log_event(LOG_INFO, "token-refused", LOG_UINT("connection", connection),
                  LOG_SLICE("room", asked->room), LOG_SLICE("peer", asked->peer),
                  LOG_STR("cause", cause), LOG_END);
    else
        *ret_grant = gate->token.grant;
    return error;
}

int gate_ask(struct gate *gate, uint32_t ticket, const struct gate_visitor *visitor,
             const struct access_request *asked, struct grant *ret_grant)
{
    if (gate->config->auth.mode == CONFIG_AUTH_TOKEN)
        return check_token(gate, visitor->connection, asked, ret_grant);
    if (gate->webhook == NULL)
        return ERR_UNAVAILABLE;
    struct auth_webhook_question question = {.asked = asked, .address = visitor->address};
    return auth_webhook_ask(gate->webhook, ticket, &question);
}
