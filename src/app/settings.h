/* What each part is told of the configuration. The results borrow the config's texts. */
#ifndef ROOMLINE_APP_SETTINGS_H
#define ROOMLINE_APP_SETTINGS_H

#include "api/origin.h"
#include "api/static.h"
#include "app/config.h"
#include "core/directory.h"
#include "core/exchange.h"
#include "net/server.h"
#include "net/tls.h"

struct exchange_options settings_exchange(const struct config *config, worker_id self);
struct directory_options settings_directory(const struct config *config); /* without send */
struct server_options settings_server(const struct config *config);
struct static_options settings_static(const struct config *config);
struct tls_options settings_tls(const struct config *config);
struct origin_rules settings_origins(const struct config *config);

bool settings_use_tls(const struct config *config);
bool settings_use_redis(const struct config *config);

/* ms that a client has at the end of a worker to answer the close frame: timeouts.close, but never
 * for ever. */
uint64_t settings_end_timeout(const struct config *config);

#define SETTINGS_ERROR_SIZE 768

/* Are certificates, passwords and client files fit to be used? 0, or -1 with a line that says what
 * is not. */
int settings_check_files(const struct config *config, char ret_error[SETTINGS_ERROR_SIZE]);

#endif
