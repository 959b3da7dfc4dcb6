/* Gives a slow reader of the log the rest of it, also while nothing more is logged. One for each
 * process. */
#ifndef ROOMLINE_APP_LOG_PUMP_H
#define ROOMLINE_APP_LOG_PUMP_H

#include <uv.h>

void log_pump_start(uv_timer_t *pump, uv_loop_t *loop);
void log_pump_close(uv_timer_t *pump);

#endif
