/* What a webhook answers is not trusted: whatever it is, nobody enters but by a whole "allow", and
 * what is granted is within its bounds. */
#include "api/auth_webhook.h"
#include "base/text.h"
#include "core/json.h"
#include "must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice body = {(const char *)data, size};
    char space[AUTH_WEBHOOK_SPACE];
    const char *cause;
    struct grant grant;
    int error = auth_webhook_read(body, &grant, space, &cause);
    must(error == 0 || error == ERR_FORBIDDEN || error == ERR_UNAVAILABLE);
    must((error == ERR_UNAVAILABLE) == (cause != NULL));
    if (error != 0)
        return 0;
    must(json_check(body) == JSON_OBJECT);
    must(grant.peer.ptr == NULL || text_is_peer_name(grant.peer));
    must(grant.info.ptr == NULL || json_check(grant.info) == JSON_OBJECT);
    must(grant.ice_servers.ptr == NULL || json_check(grant.ice_servers) == JSON_ARRAY);
    must(grant.peers_max <= 100000 && (grant.lifetime == 0) == (grant.ends == 0));
    return 0;
}
