/* What is over is taken out of Redis by whoever comes first: workers whose lease ended, memberships and
 * rooms whose time is up (lua/sweep.lua). A sweep says when the next one is worth while. */
#include "base/crypto.h"
#include "bus/redis_store_state.h"

#define SWEEP_JITTER 100u /* ms, so that not all workers sweep the same at the same moment */

static void on_swept(void *context, const struct redis_reply *reply);

void redis_sweep(struct redis_store *store)
{
    struct redis_words words;
    if (store->sweeping)
        return;
    redis_words_sweep(&words, &store->options.shard);
    store->sweeping = redis_store_command(store, &words, on_swept);
    store->counts.sweeps += store->sweeping;
}

void redis_sweep_now(struct redis_store *store)
{
    redis_sweep(store);
    redis_client_flush(store->commands);
}

static void sweeper_cb(uv_timer_t *timer)
{
    redis_sweep_now(timer->data);
}

static void sweep_in(struct redis_store *store, int64_t wait)
{
    uint32_t jitter;
    if (wait <= 0) {
        redis_sweep_now(store);
        return;
    }
    crypto_random(&jitter, sizeof(jitter));
    uv_timer_start(&store->sweeper, sweeper_cb, (uint64_t)wait + jitter % SWEEP_JITTER, 0);
}

static void on_swept(void *context, const struct redis_reply *reply)
{
    struct redis_store *store = context;
    store->sweeping = false;
    if (!redis_store_is_answer(store, reply))
        return;
    const struct redis_reply *wait = redis_reply_item(reply, 0);
    const struct redis_reply *happened = redis_reply_item(reply, 1);
    if (wait->kind != REDIS_NUMBER || happened->kind != REDIS_TEXT) {
        redis_store_log_failure(reply);
        if (!store->up)
            redis_store_start_over(store, "the scripts do not run");
        return;
    }
    if (!store->up) {
        store->up = true;
        store->store.events->on_up(store->store.context);
    }
    redis_store_emit(store, happened->text, store->store.events->on_happened);
    if (!store->closing)
        sweep_in(store, wait->number);
}
