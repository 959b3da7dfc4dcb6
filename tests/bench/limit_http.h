/* The upgrade to WebSocket, no more of HTTP than that. */
#ifndef BENCH_LIMIT_HTTP_H
#define BENCH_LIMIT_HTTP_H

#include <stddef.h>

enum { UPGRADE_ANSWER_MAX = 256 };

struct upgrade {
    size_t size;   /* of the request */
    unsigned pair; /* from the path, /pair/N */
    char answer[UPGRADE_ANSWER_MAX];
    size_t answer_size;
};

/* 1: the request is whole and answered; 0: more is to come; -1: it is not an upgrade. */
int upgrade_parse(struct upgrade *upgrade, const char *bytes, size_t available);

#endif
