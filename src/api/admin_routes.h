/* The admin API's one table of routes. A new one is a line in admin_routes.c and a function. */
#ifndef ROOMLINE_API_ADMIN_ROUTES_H
#define ROOMLINE_API_ADMIN_ROUTES_H

#include "api/admin_call.h"

enum admin_access {
    ADMIN_OPEN,    /* to everybody; where there are no tokens, to this machine only */
    ADMIN_METRICS, /* to who has a token; where there are none, to this machine only */
    ADMIN_TOKEN,   /* to who has a token */
};

struct admin_route {
    enum http_method method; /* GET answers HEAD as well */
    const char *pattern;     /* {room}, {peer} and {instance} stand for one segment each */
    enum admin_access access;
    void (*handle)(struct admin_call *call);
};

extern const struct admin_route admin_routes[];
extern const size_t admin_route_count;

/* Does the path fit the pattern? Segments are split before they are decoded: an encoded slash does
 * not make two of one. */
bool admin_route_fits(const struct admin_route *route, struct slice path);

/* Decodes the names in a path that fits. False where one of them is none. */
bool admin_route_names(const struct admin_route *route, struct slice path, struct admin_call *call);

/* admin_health.c */
void admin_get_live(struct admin_call *call);
void admin_get_ready(struct admin_call *call);

/* admin_rooms.c */
void admin_list_rooms(struct admin_call *call);

/* admin_room.c, admin_settings.c */
void admin_get_room(struct admin_call *call);
void admin_put_room(struct admin_call *call);
void admin_delete_room(struct admin_call *call);

/* admin_peer.c, admin_notice.c */
void admin_delete_peer(struct admin_call *call);
void admin_post_notice(struct admin_call *call);

/* admin_instances.c */
void admin_list_instances(struct admin_call *call);
void admin_drain_instance(struct admin_call *call);

/* admin_metrics.c */
void admin_get_metrics(struct admin_call *call);

/* admin_ice.c */
void admin_get_ice_servers(struct admin_call *call);

/* admin_mint.c */
void admin_post_token(struct admin_call *call);

/* admin_dashboard.c: what is a page and no part of the API */
bool admin_is_page(const struct admin *admin, struct slice path);
void admin_get_page(struct admin_call *call);

#endif
