#include "net/certificates.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/roomline-certificates-XXXXXX";

static const char *const names[] = {"ec.pem",  "ec.key",      "rsa.pem",
                                    "rsa.key", "garbage.pem", "missing.pem"};
static char paths[6][64];

static FILE *open_file(int which)
{
    FILE *file = fopen(paths[which], "w");
    if (file == NULL)
        abort();
    return file;
}

static void make_pair(EVP_PKEY *key, int cert_file, int key_file)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -60);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"localhost", -1, -1,
                               0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_sha256());
    FILE *file = open_file(cert_file);
    PEM_write_X509(file, cert);
    fclose(file);
    file = open_file(key_file);
    PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL);
    fclose(file);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void remove_all(void)
{
    for (int i = 0; i < 6; i++)
        unlink(paths[i]);
    rmdir(folder);
}

static void make_all(void)
{
    if (mkdtemp(folder) == NULL)
        abort();
    for (int i = 0; i < 6; i++)
        snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
    make_pair(EVP_EC_gen("P-256"), 0, 1);
    make_pair(EVP_RSA_gen(2048), 2, 3);
    FILE *file = open_file(4);
    fputs("not a certificate\n", file);
    fclose(file);
    atexit(remove_all);
}

const char *certificate_file(const char *name)
{
    static int made;
    if (!made)
        make_all();
    made = 1;
    for (int i = 0; i < 6; i++)
        if (strcmp(names[i], name) == 0)
            return paths[i];
    abort();
}
