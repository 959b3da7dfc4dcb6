/* Certificates for localhost, made anew for each test program. */
#ifndef ROOMLINE_TESTS_NET_CERTIFICATES_H
#define ROOMLINE_TESTS_NET_CERTIFICATES_H

/* ec.pem ec.key rsa.pem rsa.key, garbage.pem, which holds none, and missing.pem, which is not
 * there. */
const char *certificate_file(const char *name);

#endif
