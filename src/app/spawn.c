#include "app/spawn.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/hello.h"
#include "base/mem.h"

static bool is_setting(const char *variable)
{
    static const char prefix[] = "ROOMLINE_";
    return strncmp(variable, prefix, sizeof(prefix) - 1) == 0;
}

/* Our environment and the variable that makes a worker, which is told its settings by us, and not
 * all of them; to be freed, not so its texts. */
static char **make_environment(char *variable)
{
    size_t count = 0, used = 0;
    while (environ[count] != NULL)
        count++;
    char **environment = mem_must((count + 2) * sizeof(*environment));
    environment[used++] = variable;
    for (size_t i = 0; i < count; i++) {
        if (!is_setting(environ[i]))
            environment[used++] = environ[i];
    }
    environment[used] = NULL;
    return environment;
}

/* Standard input and output are of no use to a worker; the rest by number, as hello.h has it. */
static uv_stdio_container_t *make_stdio(const struct spawn *spawn, int hub)
{
    uv_stdio_container_t *stdio =
        mem_must((WORKER_FD_LISTENERS + spawn->listener_count) * sizeof(*stdio));
    stdio[0].flags = stdio[1].flags = UV_IGNORE;
    stdio[2] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO};
    stdio[WORKER_FD_HUB] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = hub};
    stdio[WORKER_FD_SHARED] =
        (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = spawn->shared};
    for (size_t i = 0; i < spawn->listener_count; i++)
        stdio[WORKER_FD_LISTENERS + i] =
            (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = spawn->listeners[i]};
    return stdio;
}

static void close_cb(uv_handle_t *handle)
{
    mem_free(handle);
}

void spawn_forget(uv_process_t *process)
{
    uv_close((uv_handle_t *)process, close_cb);
}

static int start(uv_loop_t *loop, uv_process_t *process, const struct spawn *spawn, int hub)
{
    char variable[64];
    char number[16];
    snprintf(number, sizeof(number), "%u", spawn->index);
    snprintf(variable, sizeof(variable), WORKER_VARIABLE "=%u", spawn->index);
    char name[] = "roomline worker"; /* for those who read `ps` */
    char *args[] = {name, number, NULL};
    uv_process_options_t options = {
        .exit_cb = spawn->on_exit,
        .file = spawn->program,
        .args = args,
        .env = make_environment(variable),
        .stdio = make_stdio(spawn, hub),
        .stdio_count = WORKER_FD_LISTENERS + (int)spawn->listener_count,
    };
    int error = uv_spawn(loop, process, &options);
    mem_free(options.env);
    mem_free(options.stdio);
    return error;
}

uv_process_t *spawn_worker(uv_loop_t *loop, const struct spawn *spawn, int *ret_hub, int *ret_error)
{
    uv_os_sock_t ends[2];
    *ret_error = uv_socketpair(SOCK_STREAM, 0, ends, 0, 0);
    if (*ret_error != 0)
        return NULL;
    uv_process_t *process = mem_must(sizeof(*process));
    *ret_error = start(loop, process, spawn, ends[1]);
    close(ends[1]);
    if (*ret_error != 0) {
        close(ends[0]);
        spawn_forget(process); /* libuv wants it closed also when nothing was started */
        return NULL;
    }
    *ret_hub = ends[0];
    return process;
}
