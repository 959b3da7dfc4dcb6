/* `roomline health [URL | OPTION...]`: asks a running server whether it is ready, as a container's
 * HEALTHCHECK does. Without a URL it reads the configuration as the server would, and asks the
 * first listener of it. */
#ifndef ROOMLINE_APP_HEALTH_H
#define ROOMLINE_APP_HEALTH_H

#define HEALTH_COMMAND "health"

/* The arguments behind the command. Prints what the server said. The exit code: 0 it is ready, 1 it
 * is not or does not answer, 2 the arguments are no good. */
int health_run(int argc, char **argv);

#endif
