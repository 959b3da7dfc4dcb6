/* The first process of a container: it must reap whatever is orphaned there, and the kernel gives it
 * no signal that it does not handle. So the server runs as its child. */
#ifndef ROOMLINE_APP_INIT_H
#define ROOMLINE_APP_INIT_H

#include <stdbool.h>

/* In process 1 forks. True: go on, this is the server (or nobody is needed in front of it). False:
 * the server was and is no more, and *ret_exit_code is its own, or 128 and the signal it died of. */
bool init_fork(int *ret_exit_code);

#endif
