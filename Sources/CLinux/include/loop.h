/* The event loop's system calls: readiness, wake-up, clocks, threads. Failures are negative errno values. */
#ifndef CLINUX_LOOP_H
#define CLINUX_LOOP_H

#include <stdint.h>

#define CLINUX_READABLE 1u
#define CLINUX_WRITABLE 2u
#define CLINUX_HANGUP 4u

typedef struct clinux_event {
    uint64_t token;
    uint32_t ready; /* CLINUX_READABLE ... */
    uint32_t reserved;
} clinux_event;

int clinux_poll_open(void);
int clinux_poll_set(int poll, int fd, uint64_t token, uint32_t interest, int is_new);
int clinux_poll_remove(int poll, int fd);
/* Waits at most `milliseconds` (-1: for ever) and fills at most 256 events. */
int clinux_poll_wait(int poll, clinux_event *events, int capacity, int milliseconds);

int clinux_wakeup_open(void);
void clinux_wakeup_signal(int fd);
void clinux_wakeup_clear(int fd);
void clinux_close(int fd);
int clinux_set_nonblocking(int fd);

uint64_t clinux_monotonic_nanoseconds(void);
/* Gives freed memory back to the system, where the allocator can. */
void clinux_memory_trim(void);
/* Octets of the heap that are in use; 0 where the allocator does not tell. */
uint64_t clinux_heap_octets(void);
/* Nanoseconds for which this thread was ready and had no processor; 0 where the system does not tell. */
int64_t clinux_thread_waited(void);
/* Sleeps so long, or a little longer. */
void clinux_pause(uint64_t nanoseconds);
uint64_t clinux_wall_nanoseconds(void);

typedef void *(*clinux_thread_body)(void *context);
int clinux_thread_start(const char *name, clinux_thread_body body, void *context, uint64_t *thread);
void clinux_thread_join(uint64_t thread);

/* One pointer per thread: the lane that the thread runs. */
void clinux_set_current(const void *lane);
const void *clinux_current(void);

/* The text of an errno value, in the C locale's words. */
const char *clinux_error_text(int code);

/* Memory for packet buffers, in huge pages where the kernel has them; NULL when there is none. */
void *clinux_pages_map(uint64_t size);
void clinux_pages_unmap(void *pages, uint64_t size);

#endif
