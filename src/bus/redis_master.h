/* Which Redis is the master, as the sentinels see it, and who wants to hear of a change. */
#ifndef ROOMLINE_BUS_REDIS_MASTER_H
#define ROOMLINE_BUS_REDIS_MASTER_H

#include <stdbool.h>
#include <sys/queue.h>

#include "bus/redis_url.h"

struct redis_follower {
    void (*on_master)(struct redis_follower *follower); /* another one, or the first */
    LIST_ENTRY(redis_follower) link;
};

LIST_HEAD(redis_followers, redis_follower);

struct redis_master {
    bool known;
    struct redis_address address;
    struct redis_followers followers;
};

static inline void redis_master_follow(struct redis_master *master, struct redis_follower *follower)
{
    LIST_INSERT_HEAD(&master->followers, follower, link);
}

static inline void redis_master_unfollow(struct redis_follower *follower)
{
    LIST_REMOVE(follower, link);
}

/* Tells the followers where that is news. They must not leave in on_master(). */
static inline void redis_master_set(struct redis_master *master,
                                    const struct redis_address *address)
{
    struct redis_follower *follower;
    if (master->known && redis_address_equal(&master->address, address))
        return;
    master->known = true;
    master->address = *address;
    LIST_FOREACH(follower, &master->followers, link) follower->on_master(follower);
}

#endif
