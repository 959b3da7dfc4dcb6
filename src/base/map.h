/* uthash, keyed with SipHash, small at first, and surviving a failed allocation.
 *
 * MAP_ADD leaves `item->hh.tbl == NULL` where memory ran out. */
#ifndef ROOMLINE_BASE_MAP_H
#define ROOMLINE_BASE_MAP_H

#include "base/crypto.h"
#include "base/mem.h"

#define uthash_malloc(size) mem_alloc(size)
#define uthash_free(block, size) mem_free(block)
#define HASH_NONFATAL_OOM 1
#define HASH_FUNCTION(key, len, ret_hash) ((ret_hash) = crypto_keyed_hash((key), (len)))

#include <uthash.h>

/* Most rooms hold two peers: uthash's 32 buckets would be most of a room's memory. It makes more once
 * one holds eleven. */
#undef HASH_INITIAL_NUM_BUCKETS
#undef HASH_INITIAL_NUM_BUCKETS_LOG2
#define HASH_INITIAL_NUM_BUCKETS 1U
#define HASH_INITIAL_NUM_BUCKETS_LOG2 0U

#define MAP_ADD(head, key_ptr, key_len, item) HASH_ADD_KEYPTR(hh, head, key_ptr, key_len, item)
#define MAP_FIND(head, key_ptr, key_len, ret_item) HASH_FIND(hh, head, key_ptr, key_len, ret_item)
#define MAP_DELETE(head, item) HASH_DELETE(hh, head, item)
#define MAP_EACH(head, item, next) HASH_ITER (hh, head, item, next)
#define MAP_COUNT(head) HASH_COUNT(head)

#endif
