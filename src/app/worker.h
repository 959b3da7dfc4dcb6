/* A worker process: one loop that serves clients. Its supervisor tells it what to be (hello.h) and
 * when to end. */
#ifndef ROOMLINE_APP_WORKER_H
#define ROOMLINE_APP_WORKER_H

/* Runs until the supervisor says stop, or is gone. Returns the exit code. */
int worker_run(void);

#endif
