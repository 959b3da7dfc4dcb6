/* Looks now and then whether certificates and files of secrets have changed: whoever renews them need
 * not send SIGHUP. */
#ifndef ROOMLINE_APP_WATCH_H
#define ROOMLINE_APP_WATCH_H

#include <uv.h>

#include "app/config.h"

#define WATCH_FILES_MAX 8

struct watch {
    uv_fs_poll_t files[WATCH_FILES_MAX];
    unsigned count;
    uv_timer_t settle; /* from a change to on_change: files of a pair change one after the other */
    void (*on_change)(void *context);
    void *context;
};

/* `server.watch` 0 means never. */
void watch_start(struct watch *watch, uv_loop_t *loop, const struct config *config,
                 void (*on_change)(void *context), void *context);

/* Its memory may go when the loop is through. */
void watch_close(struct watch *watch);

#endif
