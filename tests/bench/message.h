/*
 * The messages of a run, as frames made beforehand: sending one costs the generator a few patched
 * digits and no masking. Sizes and mix are those of real signaling: of ten messages one is an offer
 * of 5.7 kB, one an answer of 3 kB and eight are candidates of 300 B, counted as the whole text.
 */
#ifndef BENCH_MESSAGE_H
#define BENCH_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum message_kind { MESSAGE_OFFER, MESSAGE_ANSWER, MESSAGE_CANDIDATE, MESSAGE_KINDS };

enum { PEER_ID_LENGTH = 22 }; /* as long as 128 random bits in base64url */

/* Writes the ID of the peer at `index` of its room, and a 0. */
void peer_id(char id[PEER_ID_LENGTH + 1], unsigned index);

/* Which kind comes as number `sequence` of a flow of signals. */
enum message_kind message_mix(uint32_t sequence);

/*
 * The frame of a signal with number `sequence` to the peer at `to`. It is good until the next call
 * for the same kind.
 */
const uint8_t *message_signal(enum message_kind kind, unsigned to, uint32_t sequence,
                              size_t *ret_size);

/*
 * Reads a signal as it arrived: its `data` must be that of `kind`, byte for byte when `verify` is
 * set, else only in its length. Returns the sequence number.
 */
uint32_t message_take(enum message_kind kind, const char *text, size_t length, int verify);

/* The frame of any text, in a buffer that is good until the next call. */
const uint8_t *message_frame(const char *text, size_t length, size_t *ret_size);

#endif
