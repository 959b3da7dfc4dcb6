#include "app/log_pump.h"

#include "base/log.h"
#include "base/log_out.h"

#define LOOK_MS 20

static void look_cb(uv_timer_t *pump)
{
    if (log_flush())
        uv_timer_stop(pump);
}

static void on_wait(void *context)
{
    uv_timer_start(context, look_cb, LOOK_MS, LOOK_MS);
}

void log_pump_start(uv_timer_t *pump, uv_loop_t *loop)
{
    uv_timer_init(loop, pump);
    log_out_watch(on_wait, pump);
    on_wait(pump); /* something may wait already */
}

void log_pump_close(uv_timer_t *pump)
{
    log_out_watch(NULL, NULL);
    uv_close((uv_handle_t *)pump, NULL);
}
