/* The process that owns an instance: sockets, workers, signals, and the end of it all. */
#ifndef ROOMLINE_APP_SUPERVISOR_H
#define ROOMLINE_APP_SUPERVISOR_H

#include "app/config.h"

#define EXIT_OK 0
#define EXIT_FAILED 1     /* the machine did not let us */
#define EXIT_BAD_CONFIG 2 /* so it says before anything is bound */

/* Runs until a signal ends it. Takes out of the config what the machine does not give, where that
 * was only the default. Returns the exit code. */
int supervisor_run(struct config *config);

#endif
