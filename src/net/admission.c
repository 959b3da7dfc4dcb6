#include "net/admission.h"

#include <netinet/in.h>
#include <string.h>

#include "base/error.h"
#include "base/map.h"

#define PREFIX_SIZE 8 /* bytes of an IPv6 address that a household or a host gets as one */

struct address_key {
    unsigned char bytes[16];
};

struct address_count {
    struct address_key key;
    size_t count;
    UT_hash_handle hh;
};

/* An IPv4 address, also one that came mapped into IPv6, counts for itself. */
static struct address_key key_of(const struct sockaddr_storage *address)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    struct address_key key = {{0}};
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        memcpy(key.bytes, mapped, sizeof(mapped));
        memcpy(key.bytes + sizeof(mapped), &in->sin_addr, 4);
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        bool v4 = memcmp(&in6->sin6_addr, mapped, sizeof(mapped)) == 0;
        memcpy(key.bytes, &in6->sin6_addr, v4 ? sizeof(key.bytes) : PREFIX_SIZE);
    }
    return key;
}

static struct address_count *entry_new(struct admission *admission, const struct address_key *key)
{
    struct address_count *entry = mem_zero(sizeof(*entry));
    if (entry == NULL)
        return NULL;
    entry->key = *key;
    MAP_ADD(admission->by_address, &entry->key, sizeof(entry->key), entry);
    if (entry->hh.tbl == NULL) {
        mem_free(entry);
        return NULL;
    }
    return entry;
}

int admission_take(struct admission *admission, const struct sockaddr_storage *address,
                   struct address_count **ret_entry)
{
    *ret_entry = NULL;
    if (admission->limit != 0 && admission->count >= admission->limit)
        return ERR_UNAVAILABLE;
    if (admission->limit_per_address != 0) {
        struct address_key key = key_of(address);
        struct address_count *entry;
        MAP_FIND(admission->by_address, &key, sizeof(key), entry);
        if (entry == NULL)
            entry = entry_new(admission, &key);
        if (entry == NULL || entry->count >= admission->limit_per_address)
            return ERR_UNAVAILABLE;
        entry->count++;
        *ret_entry = entry;
    }
    admission->count++;
    return 0;
}

void admission_give_back(struct admission *admission, struct address_count *entry)
{
    admission->count--;
    if (entry == NULL || --entry->count > 0)
        return;
    MAP_DELETE(admission->by_address, entry);
    mem_free(entry);
}
