#include "app/watch.h"

#include <assert.h>

#define SETTLE_MS 200

static void settle_cb(uv_timer_t *timer)
{
    struct watch *watch = timer->data;
    watch->on_change(watch->context);
}

/* A file that is away is about to be replaced: what was read of it stays. */
static void change_cb(uv_fs_poll_t *file, int status, const uv_stat_t *before, const uv_stat_t *now)
{
    struct watch *watch = file->data;
    (void)before;
    (void)now;
    if (status == 0)
        uv_timer_start(&watch->settle, settle_cb, SETTLE_MS, 0);
}

static void add(struct watch *watch, uv_loop_t *loop, const char *path, uint64_t interval)
{
    if (path[0] == '\0')
        return;
    assert(watch->count < WATCH_FILES_MAX);
    uv_fs_poll_t *file = &watch->files[watch->count++];
    uv_fs_poll_init(loop, file);
    file->data = watch;
    uv_fs_poll_start(file, change_cb, path, (unsigned)interval);
}

void watch_start(struct watch *watch, uv_loop_t *loop, const struct config *config,
                 void (*on_change)(void *context), void *context)
{
    const char *paths[] = {config->tls.cert,         config->tls.key,
                           config->admin.cert,       config->admin.key,
                           config->admin.token_file, config->turn.secrets_file,
                           config->auth.keys_file};
    watch->count = 0;
    watch->on_change = on_change;
    watch->context = context;
    uv_timer_init(loop, &watch->settle);
    watch->settle.data = watch;
    for (size_t i = 0; config->server.watch > 0 && i < sizeof(paths) / sizeof(paths[0]); i++)
        add(watch, loop, paths[i], config->server.watch);
}

void watch_close(struct watch *watch)
{
    for (unsigned i = 0; i < watch->count; i++)
        uv_close((uv_handle_t *)&watch->files[i], NULL);
    uv_close((uv_handle_t *)&watch->settle, NULL);
}
