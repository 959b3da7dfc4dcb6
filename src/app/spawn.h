/* Starting a worker process: the same binary, with its sockets inherited. */
#ifndef ROOMLINE_APP_SPAWN_H
#define ROOMLINE_APP_SPAWN_H

#include <stddef.h>
#include <uv.h>

struct spawn {
    const char *program;
    unsigned index; /* of the worker */
    int shared;
    const int *listeners;
    size_t listener_count;
    uv_exit_cb on_exit;
};

/* The process, its `data` the caller's, with our end of the socket to it in ret_hub. NULL with a
 * libuv error. */
uv_process_t *spawn_worker(uv_loop_t *loop, const struct spawn *spawn, int *ret_hub,
                           int *ret_error);

/* Closes the handle, which frees itself. */
void spawn_forget(uv_process_t *process);

#endif
