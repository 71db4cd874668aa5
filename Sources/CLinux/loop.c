#define _GNU_SOURCE
#include "loop.h"

#include <errno.h>
#include <fcntl.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#ifdef __linux__
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#define MOST_EVENTS 256

int clinux_poll_open(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int clinux_poll_set(int poll, int fd, uint64_t token, uint32_t interest, int is_new) {
    struct epoll_event event = {.events = EPOLLRDHUP, .data = {.u64 = token}};
    if (interest & CLINUX_READABLE) event.events |= EPOLLIN;
    else event.events &= ~(uint32_t)EPOLLRDHUP;
    if (interest & CLINUX_WRITABLE) event.events |= EPOLLOUT;
    return epoll_ctl(poll, is_new ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, &event) < 0 ? -errno : 0;
}

int clinux_poll_remove(int poll, int fd) {
    struct epoll_event event = {0};
    return epoll_ctl(poll, EPOLL_CTL_DEL, fd, &event) < 0 ? -errno : 0;
}

int clinux_poll_wait(int poll, clinux_event *events, int capacity, int milliseconds) {
    struct epoll_event found[MOST_EVENTS];
    if (capacity > MOST_EVENTS) capacity = MOST_EVENTS;
    int count = epoll_wait(poll, found, capacity, milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -errno;
    for (int i = 0; i < count; i++) {
        uint32_t ready = 0;
        if (found[i].events & (EPOLLIN | EPOLLRDHUP)) ready |= CLINUX_READABLE;
        if (found[i].events & EPOLLOUT) ready |= CLINUX_WRITABLE;
        if (found[i].events & (EPOLLHUP | EPOLLERR)) ready |= CLINUX_HANGUP;
        events[i] = (clinux_event){.token = found[i].data.u64, .ready = ready};
    }
    return count;
}

int clinux_wakeup_open(void) {
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

void clinux_wakeup_signal(int fd) {
    uint64_t one = 1;
    ssize_t written = write(fd, &one, sizeof one);
    (void)written; /* A full counter is a wake-up as well. */
}

void clinux_wakeup_clear(int fd) {
    uint64_t count;
    ssize_t taken = read(fd, &count, sizeof count);
    (void)taken;
}
#else
int clinux_poll_open(void) { return -ENOSYS; }
int clinux_poll_set(int poll, int fd, uint64_t token, uint32_t interest, int is_new) {
    (void)poll, (void)fd, (void)token, (void)interest, (void)is_new;
    return -ENOSYS;
}
int clinux_poll_remove(int poll, int fd) {
    (void)poll, (void)fd;
    return -ENOSYS;
}
int clinux_poll_wait(int poll, clinux_event *events, int capacity, int milliseconds) {
    (void)poll, (void)events, (void)capacity, (void)milliseconds;
    return -ENOSYS;
}
int clinux_wakeup_open(void) { return -ENOSYS; }
void clinux_wakeup_signal(int fd) { (void)fd; }
void clinux_wakeup_clear(int fd) { (void)fd; }
#endif

void clinux_close(int fd) { close(fd); }

int clinux_set_nonblocking(int fd) {
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0) return -errno;
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -errno : 0;
}

static uint64_t nanoseconds(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

uint64_t clinux_monotonic_nanoseconds(void) { return nanoseconds(CLOCK_MONOTONIC); }
uint64_t clinux_wall_nanoseconds(void) { return nanoseconds(CLOCK_REALTIME); }

typedef struct start {
    clinux_thread_body body;
    void *context;
    char name[16];
} start;

static void *run(void *argument) {
    start begun = *(start *)argument;
    free(argument);
#ifdef __linux__
    pthread_setname_np(pthread_self(), begun.name);
    /* Short pauses are meant; the default slack of 50 us would be a quarter of them. */
    prctl(PR_SET_TIMERSLACK, 1000UL);
#else
    pthread_setname_np(begun.name);
#endif
    /* Signals are for the main thread; SIGPIPE for nobody: OpenSSL writes without MSG_NOSIGNAL. */
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    return begun.body(begun.context);
}

void clinux_memory_trim(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

uint64_t clinux_heap_octets(void) {
#ifdef __GLIBC__
    struct mallinfo2 seen = mallinfo2();
    return seen.uordblks + seen.hblkhd;
#else
    return 0;
#endif
}

int64_t clinux_thread_waited(void) {
    char text[64];
    int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 0;
    ssize_t count = read(fd, text, sizeof text - 1);
    close(fd);
    if (count <= 0) return 0;
    text[count] = 0;
    /* On the processor, waiting for one, how often. */
    const char *second = strchr(text, ' ');
    return second ? strtoll(second, NULL, 10) : 0;
}

void clinux_pause(uint64_t nanoseconds) {
    struct timespec time = {(time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000)};
    nanosleep(&time, NULL);
}

int clinux_thread_start(const char *name, clinux_thread_body body, void *context, uint64_t *thread) {
    start *argument = calloc(1, sizeof *argument);
    if (!argument) return -ENOMEM;
    argument->body = body;
    argument->context = context;
    strncpy(argument->name, name, sizeof argument->name - 1);
    pthread_t id;
    int error = pthread_create(&id, NULL, run, argument);
    if (error) {
        free(argument);
        return -error;
    }
    *thread = (uint64_t)(uintptr_t)id;
    return 0;
}

void clinux_thread_join(uint64_t thread) { pthread_join((pthread_t)(uintptr_t)thread, NULL); }

static _Thread_local const void *current;

void clinux_set_current(const void *lane) { current = lane; }
const void *clinux_current(void) { return current; }

const char *clinux_error_text(int code) {
#ifdef __linux__
    const char *text = strerrordesc_np(code);
    return text ? text : "unknown error";
#else
    return strerror(code);
#endif
}

void *clinux_pages_map(uint64_t size) {
    void *pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) return NULL;
#ifdef MADV_HUGEPAGE
    madvise(pages, size, MADV_HUGEPAGE);
#endif
    return pages;
}

void clinux_pages_unmap(void *pages, uint64_t size) { munmap(pages, size); }
