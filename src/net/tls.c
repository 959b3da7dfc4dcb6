#include "net/tls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"
#include "base/mem.h"

struct tls_context {
    SSL_CTX *ctx;
    BIO *bio; /* the one that all connections share; its data is the wire */
    BIO_METHOD *method;
    struct tls_wire *wire;
    const struct tls_ticket_keys *keys; /* the owner's, who may change them */
    unsigned refs;                      /* the owner's and one for each connection */
};

struct tls {
    SSL *ssl;
    struct tls_context *context;
};

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

static int make_bio(struct tls_context *context)
{
    context->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK | BIO_get_new_index(), "loop");
    if (context->method == NULL)
        return -1;
    BIO_meth_set_read(context->method, bio_read_cb);
    BIO_meth_set_write(context->method, bio_write_cb);
    BIO_meth_set_ctrl(context->method, bio_ctrl_cb);
    context->bio = BIO_new(context->method);
    if (context->bio == NULL)
        return -1;
    BIO_set_data(context->bio, context->wire);
    BIO_set_init(context->bio, 1);
    return 0;
}

/* Errors in words. */

static const char *reason_text(void)
{
    unsigned long code = ERR_peek_error();
    if (ERR_SYSTEM_ERROR(code))
        return strerror(ERR_GET_REASON(code));
    const char *reason = ERR_reason_error_string(code);
    return reason == NULL ? "unknown error" : reason;
}

/* What OpenSSL says in its terms, in the terms of who wrote the configuration. */
static const char *plain_reason(void)
{
    unsigned long code = ERR_peek_error();
    if (ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE)
        return "holds no such thing in PEM form";
    if (ERR_GET_LIB(code) == ERR_LIB_X509 && ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH)
        return "is not the key of the certificate";
    if (ERR_GET_LIB(code) == ERR_LIB_X509 && ERR_GET_REASON(code) == X509_R_KEY_TYPE_MISMATCH)
        return "is not the key of the certificate";
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && ERR_GET_REASON(code) == SSL_R_NO_CERTIFICATE_ASSIGNED)
        return "is not the key of the certificate";
    return reason_text();
}

/* libssl reports a file that it could not open as an error of its own on top of the system's. */
static const char *file_reason(const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return strerror(errno);
    fclose(file);
    return plain_reason();
}

static int fail_file(char *ret_error, const char *what, const char *path)
{
    snprintf(ret_error, TLS_ERROR_SIZE, "%s %s: %s", what, path, file_reason(path));
    ERR_clear_error();
    return -1;
}

static int fail(char *ret_error, const char *what)
{
    snprintf(ret_error, TLS_ERROR_SIZE, "%s: %s", what, reason_text());
    ERR_clear_error();
    return -1;
}

/* Set-up. */

static int load_pair(SSL_CTX *ctx, const struct tls_pair *pair, char *ret_error)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, pair->cert) != 1)
        return fail_file(ret_error, "certificate", pair->cert);
    if (SSL_CTX_use_PrivateKey_file(ctx, pair->key, SSL_FILETYPE_PEM) != 1)
        return fail_file(ret_error, "key", pair->key);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return fail_file(ret_error, "key", pair->key);
    return 0;
}

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
    /* TLS 1.3 sends a new ticket after each resumption anyway. */
    return current && SSL_version(ssl) < TLS1_3_VERSION ? 1 : 2;
}

static int set_protocol(SSL_CTX *ctx, int min_version)
{
    static const unsigned char session_context[] = "roomline";
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF); /* tickets hold the sessions */
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_alpn_select_cb(ctx, alpn_cb, NULL);
    SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, ticket_cb);
    return SSL_CTX_set_min_proto_version(ctx, min_version == 13 ? TLS1_3_VERSION
                                                                : TLS1_2_VERSION) == 1 &&
                   SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1 &&
                   SSL_CTX_set_session_id_context(ctx, session_context,
                                                  sizeof(session_context) - 1) == 1
               ? 0
               : -1;
}

static int context_init(struct tls_context *context, const struct tls_options *options,
                        char *ret_error)
{
    context->ctx = SSL_CTX_new(TLS_server_method());
    if (context->ctx == NULL || make_bio(context) != 0)
        return fail(ret_error, "TLS");
    SSL_CTX_set_app_data(context->ctx, context);
    if (set_protocol(context->ctx, options->min_version) != 0)
        return fail(ret_error, "TLS");
    for (size_t i = 0; i < options->pair_count; i++)
        if (load_pair(context->ctx, &options->pairs[i], ret_error) != 0)
            return -1;
    return 0;
}

struct tls_context *tls_context_new(const struct tls_options *options, struct tls_wire *wire,
                                    const struct tls_ticket_keys *keys,
                                    char ret_error[TLS_ERROR_SIZE])
{
    struct tls_context *context = mem_must(sizeof(*context));
    context->wire = wire;
    context->keys = keys;
    context->refs = 1;
    if (context_init(context, options, ret_error) == 0)
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

struct tls *tls_new(struct tls_context *context)
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
    default: ERR_clear_error(); return TLS_BROKEN;
    }
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

void tls_close(struct tls *tls)
{
    SSL_shutdown(tls->ssl);
    ERR_clear_error();
}
