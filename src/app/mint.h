/* `roomline token --room NAME [...] [OPTION...]`: makes an access token with a configured key, and
 * prints it. */
#ifndef ROOMLINE_APP_MINT_H
#define ROOMLINE_APP_MINT_H

#define MINT_COMMAND "token"

/* The arguments from the command on. The exit code: 0 done, 1 there is no such token or no key for
 * it, 2 the arguments are no good. */
int mint_run(int argc, char **argv);

#endif
