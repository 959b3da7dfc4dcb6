#include "app/card.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/text.h"

/* A host's name may be anything; of ours, only what needs no care anywhere is kept. */
static void make_name(char ret_name[INSTANCE_NAME_SIZE])
{
    char host[INSTANCE_NAME_SIZE - 5] = "";
    uint16_t number;
    crypto_random(&number, sizeof(number));
    gethostname(host, sizeof(host) - 1);
    for (char *c = host; *c != '\0'; c++)
        if (!isalnum((unsigned char)*c) && strchr("-._", *c) == NULL)
            *c = '-';
    snprintf(ret_name, INSTANCE_NAME_SIZE, "%s-%04x", host[0] == '\0' ? "instance" : host, number);
}

void instance_init(struct instance *instance, const struct config *config)
{
    instance->started = clock_unix_ms();
    if (config->server.instance[0] == '\0')
        make_name(instance->name);
    else
        snprintf(instance->name, sizeof(instance->name), "%s", config->server.instance);
}

void card_write(const struct instance *instance, const struct shared *shared, bool draining,
                struct buf *out)
{
    buf_add_text(out, "{\"instance\":");
    text_add_json(out, slice_of(instance->name));
    buf_add_format(out,
                   ",\"version\":\"" ROOMLINE_VERSION "\",\"started\":%" PRIu64
                   ",\"connections\":%" PRIu64 ",\"websockets\":%" PRIu64 ",\"rooms\":%" PRIu64
                   ",\"draining\":%s}",
                   instance->started, shared_sum(shared, SHARED_connections),
                   shared_sum(shared, SHARED_websockets), shared_sum(shared, SHARED_rooms),
                   draining ? "true" : "false");
}
