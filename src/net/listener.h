/* A listening socket of the loop's. */
#ifndef ROOMLINE_NET_LISTENER_H
#define ROOMLINE_NET_LISTENER_H

#include <stdbool.h>
#include <sys/queue.h>

struct listener;
struct net_loop;

LIST_HEAD(listener_list, listener);

/* Owns fd from now on, also where it fails. 0 or a libuv error. */
int listener_start(struct net_loop *loop, struct listener_list *list, int fd, bool secure);

/* They take themselves off the list once they are closed. */
void listener_close_all(struct listener_list *list);

#endif
