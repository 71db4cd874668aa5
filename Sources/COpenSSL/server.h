/* What a TLS server over a socket needs of OpenSSL's macros. */
#ifndef POLYHUB_COPENSSL_SERVER_H
#define POLYHUB_COPENSSL_SERVER_H

#include <openssl/ssl.h>

/* Modes and options of a server whose writes are retried from other buffers, which resumes no sessions, and
 * whose peers often close TCP without a word. What came before TLS 1.2 needs digests that OpenSSL's own level
 * of security refuses. */
static inline void polyhub_ssl_ctx_prepare_server(SSL_CTX *context, int oldest) {
    SSL_CTX_set_min_proto_version(context, oldest);
    if (oldest < TLS1_2_VERSION) SSL_CTX_set_security_level(context, 0);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
                                  | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION
                                     | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_CIPHER_SERVER_PREFERENCE
                                     | SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_read_ahead(context, 1);
    SSL_CTX_set_default_read_buffer_len(context, 32768);
}

/* What is decrypted from now on stays in OpenSSL's buffers until other octets take its place. */
static inline void polyhub_ssl_stop_wiping(SSL *ssl) { SSL_clear_options(ssl, SSL_OP_CLEANSE_PLAINTEXT); }

static inline const char *polyhub_ssl_server_name(const SSL *ssl) {
    return SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
}

#endif
