// What Linux has and Swift's Glibc module does not show.
//
// _GNU_SOURCE is not defined here: fd_set would differ from the one in Glibc's module and debug builds fail.
// The few prototypes that need it are declared by hand.
#ifndef USHER_CLINUX_H
#define USHER_CLINUX_H

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

int accept4(int fd, struct sockaddr *restrict addr, socklen_t *restrict length, int flags);
int unshare(int flags);
int pthread_setname_np(pthread_t thread, const char *name);
int posix_spawn_file_actions_addclosefrom_np(posix_spawn_file_actions_t *actions, int from);

enum {
    USHER_CLONE_FILES = 0x400,
    USHER_CLOEXEC = EPOLL_CLOEXEC,
    USHER_EVENTFD_FLAGS = EFD_CLOEXEC | EFD_NONBLOCK,
    USHER_EPOLLIN = EPOLLIN,
    USHER_EPOLLOUT = EPOLLOUT,
    USHER_EPOLLERR = EPOLLERR,
    USHER_EPOLLHUP = EPOLLHUP,
    USHER_EPOLLRDHUP = EPOLLRDHUP,
    // From <netinet/tcp.h>, whose other names collide with those of <linux/tcp.h>.
    USHER_TCP_NOTSENT_LOWAT = 25,
    USHER_SOCK_NONBLOCK = SOCK_NONBLOCK,
    USHER_SOCK_CLOEXEC = SOCK_CLOEXEC,
};

// epoll_data_t is a union, which Swift reads only unsafely.
static inline struct epoll_event usher_epoll_event(uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return event;
}

static inline uint64_t usher_epoll_data(struct epoll_event event) {
    return event.data.u64;
}

// prctl is variadic in C, which Swift cannot call.
int usher_die_with_parent(int signal);

#endif
