/* The core of the ABI: how host and module find each other.
 *
 * A module is a shared library with one exported function, packet_adapter_entry. It imports nothing from the
 * host but the table that `create` is handed. Threads, ownership and versions: see CONVENTIONS.md.
 */
#ifndef POLYHUB_PA_CORE_H
#define POLYHUB_PA_CORE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PA_MAGIC 0x31414850u /* "PHA1", little endian */
#define PA_ABI_MAJOR 1
#define PA_ABI_MINOR 0

/* What a call came to. Every other value is an error that this side does not know by name. */
typedef int32_t pa_status;
#define PA_OK (0)
#define PA_ERROR_ARGUMENT (-1)    /* a value outside of what the function accepts */
#define PA_ERROR_THREAD (-2)      /* called on a thread that the function does not name */
#define PA_ERROR_HANDLE (-3)      /* a handle that is stale, closed or another module's */
#define PA_ERROR_LIMIT (-4)       /* a bound is reached; the thing was not done */
#define PA_ERROR_STATE (-5)       /* not now: before start, after stop, twice */
#define PA_ERROR_UNSUPPORTED (-6) /* this host or this machine cannot */
#define PA_ERROR_SYSTEM (-7)      /* the operating system refused; the log says what */
#define PA_ERROR_REFUSED (-8)     /* the other side decided against it */

typedef struct pa_host pa_host; /* the host as one instance of a module sees it */
typedef struct pa_lane pa_lane; /* one lane as one instance of a module sees it */

/* Octets that are lent for the length of the call, unless the function says otherwise. */
typedef struct pa_octets_v1 {
    const uint8_t *start;
    size_t length;
} pa_octets_v1;

/* What `create` is handed. It lives as long as the module's instance. */
typedef struct pa_host_v1 {
    uint32_t size;
    uint16_t abi_major;
    uint16_t abi_minor;
    pa_host *host;
    const char *version; /* of the server, for logs only */
    /* [any] The host's table for a capability id such as PA_SESSION, or NULL where this host lacks it. */
    const void *(*capability)(pa_host *host, const char *id);
    /* [control] One sentence that says why the call in progress is about to fail. Copied. */
    void (*explain)(pa_host *host, const char *sentence);
} pa_host_v1;

/* One instance of a module. The table belongs to the module and lives until `destroy`. */
typedef struct pa_module_v1 {
    uint32_t size;
    uint32_t reserved;
    void *state; /* handed back as the first argument of what follows */
    /* [any] The module's table for a capability id, or NULL. Always the same answer. */
    const void *(*capability)(void *state, const char *id);
    /* [control] Read the options, claim what is needed. Listeners open only after every lane was entered. */
    pa_status (*start)(void *state);
    /* [lane] Once for each lane, `index` of `count`, before any other call on it. Sets *lane_state. */
    pa_status (*enter_lane)(void *state, pa_lane *lane, uint32_t index, uint32_t count, void **lane_state);
    /* [lane] Say goodbye to the peers of this lane. What is sent in this call still leaves; sessions end
     * after it. */
    void (*close_lane)(void *lane_state);
    /* [lane] The last call with this lane_state. */
    void (*leave_lane)(void *lane_state);
    /* [control] After every lane was left. */
    void (*stop)(void *state);
    /* [control] The last call of all. */
    void (*destroy)(void *state);
} pa_module_v1;

#define PA_FLAG_UNLOADABLE 1u /* dlclose really frees it; never true of a Swift image */

/* What the entry returns: readable without starting anything, constant for the life of the mapping. */
typedef struct pa_descriptor_v1 {
    uint32_t magic; /* PA_MAGIC */
    uint32_t size;
    uint16_t abi_major;
    uint16_t abi_minor;
    uint32_t flags;          /* PA_FLAG_* */
    const char *id;          /* reverse domain, "org.example.wire" */
    const char *name;        /* one word, the default name of its section in plugins.conf */
    const char *version;     /* free form */
    const char *vendor;
    const char *description; /* one sentence for people */
    /* URLs of the listeners that apply where plugins.conf names none; ended by NULL. May be NULL. */
    const char *const *default_listeners;
    /* [control] Makes an instance. Several may live at once (while one is swapped for another). */
    pa_status (*create)(const pa_host_v1 *host, const pa_module_v1 **module);
} pa_descriptor_v1;

/* [control] The one symbol that a module exports. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const pa_descriptor_v1 *packet_adapter_entry(void);

#ifdef __cplusplus
}
#endif
#endif
