/* STUN binding requests and their answers (RFC 8489): a client asks what address it is seen under.
 *
 * No authentication, no TCP, none of RFC 3489's messages without magic cookie. Whatever is no sound
 * request gets no answer. An answer is 12 bytes (IPv4) or 24 (IPv6) longer than the shortest
 * request: with the headers of UDP and IP, which a forged request has as well, it is at most 1.4
 * times as long. */
#ifndef ROOMLINE_NET_STUN_H
#define ROOMLINE_NET_STUN_H

#include <stddef.h>
#include <stdint.h>

#include "base/ip.h"
#include "base/slice.h"

#define STUN_PORT 3478
#define STUN_REQUEST_MAX 1280 /* bytes; longer ones are not answered */
#define STUN_UNKNOWN_MAX 16   /* attributes that an error names */
#define STUN_ANSWER_MAX (20 + 8 + 4 + 2 * STUN_UNKNOWN_MAX + 8)

/* The answer to a datagram from this address: its length, 0: there is none. A request with
 * attributes that must be understood and are not is answered with error 420, which names them. */
size_t stun_answer(struct slice request, const struct ip *from, uint16_t port,
                   unsigned char ret_answer[STUN_ANSWER_MAX]);

#endif
