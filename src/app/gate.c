#include "app/gate.h"

#include <time.h>

#include "app/settings_auth.h"
#include "base/log.h"
#include "base/mem.h"

struct gate {
    const struct config *config;
    struct token_rules rules;
    struct jwk_set keys;
    struct token token; /* the last one; large */
};

bool gate_is_guarded(const struct config *config)
{
    return config->auth.mode != CONFIG_AUTH_NONE;
}

struct gate *gate_new(const struct config *config)
{
    struct gate *gate = mem_must(sizeof(*gate));
    gate->config = config;
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

int gate_load(struct gate *gate, char ret_error[SETTINGS_ERROR_SIZE])
{
    struct jwk_set keys;
    if (settings_auth_keys(gate->config, &keys, ret_error) != 0)
        return -1;
    jwk_set_done(&gate->keys);
    gate->keys = keys;
    return 0;
}

static uint64_t unix_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int gate_ask(struct gate *gate, uint64_t connection, const struct access_request *asked,
             struct grant *ret_grant)
{
    const char *cause;
    int error = token_check(&gate->token, &gate->keys, &gate->rules, asked->token, asked->room,
                            unix_time(), &cause);
    if (error != 0)
        log_event(LOG_INFO, "token-refused", LOG_UINT("connection", connection),
                  LOG_SLICE("room", asked->room), LOG_SLICE("peer", asked->peer),
                  LOG_STR("cause", cause), LOG_END);
    else
        *ret_grant = gate->token.grant;
    return error;
}
