/* Certificates for localhost, made anew for each test program. */
#ifndef ROOMLINE_TESTS_NET_CERTIFICATES_H
#define ROOMLINE_TESTS_NET_CERTIFICATES_H

/* ec.pem ec.key rsa.pem rsa.key, and garbage.pem, which holds none. Lives until the next call with the same name. */
const char *certificate_file(const char *name);

#endif
