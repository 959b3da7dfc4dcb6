#include "net/tls.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"
#include "net/tls_state.h"

/* The shared BIO. */

static int bio_read_cb(BIO *bio, char *data, int len)
{
    struct tls_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (wire->in.len == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t used = (size_t)len < wire->in.len ? (size_t)len : wire->in.len;
    memcpy(data, wire->in.ptr, used);
    wire->in = (struct slice){wire->in.ptr + used, wire->in.len - used};
    return (int)used;
}

/* The owner of the wire leaves enough room before each call; that there is none is an error, not a
 * wait. */
static int bio_write_cb(BIO *bio, const char *data, int len)
{
    struct tls_wire *wire = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if ((size_t)len > wire->out_size - wire->out_len)
        return -1;
    memcpy(wire->out + wire->out_len, data, (size_t)len);
    wire->out_len += (size_t)len;
    return len;
}

static long bio_ctrl_cb(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

static void make_bio(struct tls_context *context)
{
    context->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "loop");
    if (context->method == NULL)
        return;
    BIO_meth_set_read(context->method, bio_read_cb);
    BIO_meth_set_write(context->method, bio_write_cb);
    BIO_meth_set_ctrl(context->method, bio_ctrl_cb);
    context->bio = BIO_new(context->method);
    if (context->bio == NULL)
        return;
    BIO_set_data(context->bio, context->wire);
    BIO_set_init(context->bio, 1);
}

struct tls_context *tls_context_make(SSL_CTX *ctx, struct tls_wire *wire)
{
    struct tls_context *context = mem_must(sizeof(*context));
    context->ctx = ctx;
    context->wire = wire;
    context->refs = 1;
    make_bio(context);
    if (context->bio == NULL) {
        SSL_CTX_free(context->ctx);
        context->ctx = NULL;
    }
    if (context->ctx != NULL)
        SSL_CTX_set_app_data(context->ctx, context);
    return context;
}

/* The server's side. */

static int alpn_cb(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
                   const unsigned char *offers, unsigned offers_len, void *arg)
{
    static const unsigned char names[] = "\x08http/1.1";
    (void)ssl;
    (void)arg;
    unsigned char *name;
    if (SSL_select_next_proto(&name, ret_len, names, sizeof(names) - 1, offers, offers_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *ret_name = name;
    return SSL_TLSEXT_ERR_OK;
}

static int init_ticket(const struct tls_ticket_key *key, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                       EVP_MAC_CTX *mac, bool encrypt)
{
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, (void *)key->mac, sizeof(key->mac)),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
        OSSL_PARAM_construct_end(),
    };
    if (EVP_MAC_CTX_set_params(mac, params) != 1)
        return -1;
    if (EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), NULL, key->cipher, iv, encrypt) != 1)
        return -1;
    return 0;
}

/* RFC 5077 section 4. Returns what OpenSSL wants: 0 a full handshake, 1 good, 2 good but renew the
 * ticket. */
static int ticket_cb(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *mac, int encrypt)
{
    const struct tls_context *context = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
    const struct tls_ticket_keys *keys = context->keys;
    if (encrypt) {
        crypto_random(iv, (size_t)EVP_CIPHER_get_iv_length(EVP_aes_256_cbc()));
        memcpy(name, keys->current.name, sizeof(keys->current.name));
        return init_ticket(&keys->current, iv, cipher, mac, true) == 0 ? 1 : -1;
    }
    bool current = memcmp(name, keys->current.name, sizeof(keys->current.name)) == 0;
    bool previous = memcmp(name, keys->previous.name, sizeof(keys->previous.name)) == 0;
    if (!current && !previous)
        return 0;
    if (init_ticket(current ? &keys->current : &keys->previous, iv, cipher, mac, false) != 0)
        return -1;
    return current ? 1 : 2; /* which TLS 1.3 does not ask: see tls_offer_ticket() */
}

/* As browsers do, AES-128 first: nobody breaks it, and its handshake takes SHA-256, for which processors
 * have instructions. Who has none for AES, and says so, gets ChaCha20 (SSL_OP_PRIORITIZE_CHACHA). */
static bool set_ciphers(SSL_CTX *ctx)
{
    return SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                         "TLS_CHACHA20_POLY1305_SHA256") == 1 &&
           SSL_CTX_set_cipher_list(ctx, "ECDHE+AES128+AESGCM:ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

static int set_protocol(SSL_CTX *ctx, int min_version)
{
    static const unsigned char session_context[] = "roomline";
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets hold the sessions */
    SSL_CTX_set_num_tickets(ctx, 0);                         /* by tls_offer_ticket() */
    SSL_CTX_set_alpn_select_cb(ctx, alpn_cb, NULL);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_cb);
    return SSL_CTX_set_min_proto_version(ctx, min_version == 13 ? TLS1_3_VERSION
                                                                : TLS1_2_VERSION) == 1 &&
                   set_ciphers(ctx) &&
                   SSL_CTX_set_session_id_context(ctx, session_context,
                                                  sizeof(session_context) - 1) == 1
               ? 0
               : -1;
}

/* No tickets then: they would outlive an authority that is taken out of the file. */
static int demand_certificates(SSL_CTX *ctx, const char *ca, char *ret_error)
{
    ERR_clear_error();
    STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(ca);
    if (names == NULL || SSL_CTX_load_verify_file(ctx, ca) != 1) {
        sk_X509_NAME_pop_free(names, X509_NAME_free);
        return tls_fail_file(ret_error, "CA file", ca);
    }
    SSL_CTX_set_client_CA_list(ctx, names);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    return 0;
}

static int set_up(struct tls_context *context, const struct tls_options *options, char *ret_error)
{
    if (context->ctx == NULL || set_protocol(context->ctx, options->min_version) != 0)
        return tls_fail(ret_error, "TLS");
    for (size_t i = 0; i < options->pair_count; i++)
        if (tls_load_pair(context->ctx, &options->pairs[i], ret_error) != 0)
            return -1;
    if (options->client_ca == NULL)
        return 0;
    return demand_certificates(context->ctx, options->client_ca, ret_error);
}

struct tls_context *tls_context_new(const struct tls_options *options, struct tls_wire *wire,
                                    const struct tls_ticket_keys *keys,
                                    char ret_error[TLS_ERROR_SIZE])
{
    struct tls_context *context = tls_context_make(SSL_CTX_new(TLS_server_method()), wire);
    context->keys = keys;
    if (set_up(context, options, ret_error) == 0)
        return context;
    tls_context_free(context);
    return NULL;
}

void tls_context_free(struct tls_context *context)
{
    if (context == NULL || --context->refs > 0)
        return;
    SSL_CTX_free(context->ctx);
    BIO_free(context->bio);
    BIO_meth_free(context->method);
    mem_free(context);
}

int tls_check(const struct tls_options *options, char ret_error[TLS_ERROR_SIZE])
{
    struct tls_context *context = tls_context_new(options, NULL, NULL, ret_error);
    if (context == NULL)
        return -1;
    tls_context_free(context);
    return 0;
}

/* Connections. */

struct tls *tls_make(struct tls_context *context)
{
    struct tls *tls = mem_alloc(sizeof(*tls));
    if (tls == NULL)
        return NULL;
    *tls = (struct tls){.ssl = SSL_new(context->ctx), .context = context};
    if (tls->ssl == NULL) {
        ERR_clear_error();
        mem_free(tls);
        return NULL;
    }
    context->refs++;
    BIO_up_ref(context->bio);
    SSL_set_bio(tls->ssl, context->bio, context->bio);
    return tls;
}

struct tls *tls_new(struct tls_context *context)
{
    struct tls *tls = tls_make(context);
    if (tls != NULL)
        SSL_set_accept_state(tls->ssl);
    return tls;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    SSL_free(tls->ssl);
    tls_context_free(tls->context);
    mem_free(tls);
}

/* The error queue is the thread's: what one connection left there would be found by the next. */
static enum tls_result result_of(struct tls *tls, int returned)
{
    switch (SSL_get_error(tls->ssl, returned)) {
    case SSL_ERROR_WANT_READ: return TLS_MORE;
    case SSL_ERROR_ZERO_RETURN: return TLS_CLOSED;
    default: tls->context->cause = tls_reason(tls->ssl); return TLS_BROKEN;
    }
}

const char *tls_cause(const struct tls *tls)
{
    const char *cause = tls->context->cause;
    return cause == NULL ? "not TLS, or not the one that was agreed on" : cause;
}

bool tls_speaks_first(const struct tls *tls)
{
    return !SSL_is_server(tls->ssl);
}

enum tls_result tls_handshake(struct tls *tls)
{
    int returned = SSL_do_handshake(tls->ssl);
    return returned == 1 ? TLS_DONE : result_of(tls, returned);
}

enum tls_result tls_read(struct tls *tls, char *text, size_t size, size_t *ret_len)
{
    /* Most reads end here. OpenSSL would take long to find out. */
    if (tls->context->wire->in.len == 0 && !SSL_has_pending(tls->ssl))
        return TLS_MORE;
    int returned = SSL_read_ex(tls->ssl, text, size, ret_len);
    if (returned != 1)
        return result_of(tls, returned);
    return tls->context->wire->in.len > 0 || SSL_has_pending(tls->ssl) ? TLS_DATA : TLS_MORE;
}

int tls_write(struct tls *tls, struct slice text)
{
    size_t written;
    if (SSL_write_ex(tls->ssl, text.ptr, text.len, &written) == 1)
        return 0;
    ERR_clear_error();
    return -1;
}

/* A client's certificate is checked anew each time: see demand_certificates(). */
void tls_offer_ticket(struct tls *tls)
{
    if (!tls->offered && (SSL_get_options(tls->ssl) & SSL_OP_NO_TICKET) == 0)
        SSL_new_session_ticket(tls->ssl);
    tls->offered = true;
}

void tls_close(struct tls *tls)
{
    SSL_shutdown(tls->ssl);
    ERR_clear_error();
}
