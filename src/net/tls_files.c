/* Reading PEM files, and what OpenSSL says of them and of connections in words. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "net/tls_state.h"

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

int tls_fail_file(char *ret_error, const char *what, const char *path)
{
    snprintf(ret_error, TLS_ERROR_SIZE, "%s %s: %s", what, path, file_reason(path));
    ERR_clear_error();
    return -1;
}

int tls_fail(char *ret_error, const char *what)
{
    snprintf(ret_error, TLS_ERROR_SIZE, "%s: %s", what, reason_text());
    ERR_clear_error();
    return -1;
}

int tls_load_pair(SSL_CTX *ctx, const struct tls_pair *pair, char *ret_error)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(ctx, pair->cert) != 1)
        return tls_fail_file(ret_error, "certificate", pair->cert);
    if (SSL_CTX_use_PrivateKey_file(ctx, pair->key, SSL_FILETYPE_PEM) != 1)
        return tls_fail_file(ret_error, "key", pair->key);
    if (SSL_CTX_check_private_key(ctx) != 1)
        return tls_fail_file(ret_error, "key", pair->key);
    return 0;
}

const char *tls_reason(const SSL *ssl)
{
    unsigned long code = ERR_peek_error();
    long verified = SSL_get_verify_result(ssl);
    const char *reason = NULL;
    if (ERR_GET_LIB(code) == ERR_LIB_SSL &&
        ERR_GET_REASON(code) == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK)
        reason = X509_verify_cert_error_string(verified);
    else if (code != 0 && !ERR_SYSTEM_ERROR(code))
        reason = ERR_reason_error_string(code);
    ERR_clear_error();
    return reason;
}
