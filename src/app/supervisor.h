/* The process that owns an instance: sockets, workers, signals, and the end of it all. */
#ifndef ROOMLINE_APP_SUPERVISOR_H
#define ROOMLINE_APP_SUPERVISOR_H

#include "app/config.h"

#define EXIT_OK 0
#define EXIT_FAILED 1     /* the machine did not let us */
#define EXIT_BAD_CONFIG 2 /* so it says before anything is bound */

/* Runs until a signal ends it. Returns the exit code. */
int supervisor_run(const struct config *config);

#endif
