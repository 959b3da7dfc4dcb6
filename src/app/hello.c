#include "app/hello.h"

#define VERSION "roomline " ROOMLINE_VERSION "\n"

/* Both ends are the same binary on the same machine: plain bytes do, once the version is
 * checked. */
struct head {
    char version[sizeof(VERSION)];
    uint64_t id;
    struct instance instance;
    uint32_t index;
    uint32_t workers;
    struct tls_ticket_keys keys;
};

void hello_write(const struct hello *hello, struct buf *out)
{
    struct head head = {
        .version = VERSION,
        .id = hello->id,
        .instance = hello->instance,
        .index = hello->index,
        .workers = hello->workers,
        .keys = hello->keys,
    };
    buf_add(out, &head, sizeof(head));
    buf_add_slice(out, hello->config);
}

bool hello_read(struct slice payload, struct hello *ret_hello)
{
    struct head head;
    if (payload.len < sizeof(head))
        return false;
    memcpy(&head, payload.ptr, sizeof(head));
    if (memcmp(head.version, VERSION, sizeof(VERSION)) != 0 || head.index >= head.workers ||
        memchr(head.instance.name, '\0', sizeof(head.instance.name)) == NULL)
        return false;
    *ret_hello = (struct hello){
        .id = head.id,
        .instance = head.instance,
        .index = head.index,
        .workers = head.workers,
        .keys = head.keys,
        .config = {payload.ptr + sizeof(head), payload.len - sizeof(head)},
    };
    return true;
}
