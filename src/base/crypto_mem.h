/* Memory for OpenSSL. */
#ifndef ROOMLINE_BASE_CRYPTO_MEM_H
#define ROOMLINE_BASE_CRYPTO_MEM_H

/* Before OpenSSL is used for the first time: crypto_init() does it. */
void crypto_mem_init(void);

#endif
