/* OpenSSL 3 for Swift. Swift cannot see function-like macros: each one that we use has an accessor here. */
#ifndef POLYHUB_COPENSSL_SHIM_H
#define POLYHUB_COPENSSL_SHIM_H

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>

/* Memory BIOs. */
static inline size_t polyhub_bio_pending(BIO *bio) { return BIO_ctrl_pending(bio); }
static inline void polyhub_bio_set_mem_eof_return(BIO *bio, int value) { BIO_set_mem_eof_return(bio, value); }
static inline long polyhub_bio_get_mem_data(BIO *bio, char **start) { return BIO_get_mem_data(bio, start); }

/* Contexts and sessions. */
static inline long polyhub_ssl_ctx_set_min_proto_version(SSL_CTX *context, int version) {
    return SSL_CTX_set_min_proto_version(context, version);
}
static inline long polyhub_ssl_ctx_set_max_proto_version(SSL_CTX *context, int version) {
    return SSL_CTX_set_max_proto_version(context, version);
}
static inline long polyhub_ssl_ctx_set_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_mode(context, mode);
}
static inline void polyhub_ssl_ctx_bound(SSL_CTX *context, long chain, long record) {
    SSL_CTX_set_max_cert_list(context, chain);
    SSL_CTX_set_max_send_fragment(context, record);
}
static inline long polyhub_ssl_ctx_set_session_cache_mode(SSL_CTX *context, long mode) {
    return SSL_CTX_set_session_cache_mode(context, mode);
}
static inline long polyhub_ssl_ctx_add1_chain_cert(SSL_CTX *context, X509 *certificate) {
    return SSL_CTX_add1_chain_cert(context, certificate);
}
static inline long polyhub_ssl_ctx_set1_groups_list(SSL_CTX *context, const char *list) {
    return SSL_CTX_set1_groups_list(context, list);
}
static inline long polyhub_ssl_ctx_set_tlsext_servername_callback(
    SSL_CTX *context, int (*callback)(SSL *, int *, void *), void *argument) {
    SSL_CTX_set_tlsext_servername_callback(context, callback);
    return SSL_CTX_set_tlsext_servername_arg(context, argument);
}
static inline long polyhub_ssl_set_tlsext_host_name(SSL *ssl, const char *name) {
    return SSL_set_tlsext_host_name(ssl, name);
}
static inline const char *polyhub_ssl_get_cipher_name(const SSL *ssl) { return SSL_get_cipher_name(ssl); }
static inline int polyhub_ssl_get_ex_new_index(void) {
    return SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}
static inline SSL *polyhub_x509_store_ctx_get_ssl(X509_STORE_CTX *context) {
    return (SSL *)X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx());
}

/* Decrypted octets are wiped when they have been read: passwords are among them. */
static inline uint64_t polyhub_ssl_options(void) {
    return SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CLEANSE_PLAINTEXT;
}
static inline unsigned long polyhub_xn_flag_rfc2253(void) { return XN_FLAG_RFC2253; }

/* Checks the peer's chain and keeps the result for SSL_get_verify_result, but lets the handshake go on: a VPN
 * can then tell the client in words why it is refused, which no TLS alert does. */
static inline int polyhub_verify_and_go_on(X509_STORE_CTX *context, void *unused) {
    (void)unused;
    if (X509_verify_cert(context) < 0 && X509_STORE_CTX_get_error(context) == X509_V_OK)
        X509_STORE_CTX_set_error(context, X509_V_ERR_UNSPECIFIED);
    return 1;
}
static inline void polyhub_ssl_ctx_verify_without_failing(SSL_CTX *context) {
    SSL_CTX_set_cert_verify_callback(context, polyhub_verify_and_go_on, NULL);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
}

/* What certificates hold in lists, whose accessors are macros. */
static inline int polyhub_general_name_count(const GENERAL_NAMES *names) {
    return sk_GENERAL_NAME_num(names);
}
static inline GENERAL_NAME *polyhub_general_name(const GENERAL_NAMES *names, int index) {
    return sk_GENERAL_NAME_value(names, index);
}
static inline int polyhub_usage_count(const EXTENDED_KEY_USAGE *usages) {
    return sk_ASN1_OBJECT_num(usages);
}
static inline const ASN1_OBJECT *polyhub_usage(const EXTENDED_KEY_USAGE *usages, int index) {
    return sk_ASN1_OBJECT_value(usages, index);
}
static inline STACK_OF(X509) *polyhub_certificates(void) { return sk_X509_new_null(); }
/* The list has the certificate then, and frees it. */
static inline int polyhub_certificates_take(STACK_OF(X509) *list, X509 *certificate) {
    return sk_X509_push(list, certificate);
}
static inline void polyhub_certificates_free(STACK_OF(X509) *list) { sk_X509_pop_free(list, X509_free); }

/* Keys made on the spot. */
static inline EVP_PKEY *polyhub_ec_key_generate(const char *curve) { return EVP_EC_gen(curve); }
static inline EVP_PKEY *polyhub_rsa_key_generate(size_t bits) { return EVP_RSA_gen(bits); }
static inline void polyhub_bn_set_constant_time(BIGNUM *number) { BN_set_flags(number, BN_FLG_CONSTTIME); }

/* Ciphers and digests. */
static inline int polyhub_evp_cipher_ctx_set_iv_length(EVP_CIPHER_CTX *context, int length) {
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_IVLEN, length, NULL);
}
static inline int polyhub_evp_cipher_ctx_get_tag(EVP_CIPHER_CTX *context, int length, void *tag) {
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, length, tag);
}
static inline int polyhub_evp_cipher_ctx_set_tag(EVP_CIPHER_CTX *context, int length, const void *tag) {
    return EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, length, (void *)tag);
}

/* Parameters. OpenSSL keeps the pointer to a parameter's name; a Swift string would be gone by then. */
static inline OSSL_PARAM polyhub_param_digest(char *name) {
    return OSSL_PARAM_construct_utf8_string(OSSL_ALG_PARAM_DIGEST, name, 0);
}
static inline OSSL_PARAM polyhub_param_secret(const void *secret, size_t count) {
    return OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)secret, count);
}
static inline OSSL_PARAM polyhub_param_seed(const void *seed, size_t count) {
    return OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)seed, count);
}
static inline OSSL_PARAM polyhub_param_aead_tag(void *tag, size_t count) {
    return OSSL_PARAM_construct_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, count);
}

#endif
