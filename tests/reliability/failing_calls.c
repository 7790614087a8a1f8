/* Lets chosen system calls of one process fail, and counts them: LD_PRELOAD=failing_calls.so.
   CALLS_FILE names a file that holds a struct plan, which may change at any time; only sockets
   and files in CALLS_FOLDER are touched. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, SEND = 4 };
enum { KILL_BEFORE = -1, KILL_AFTER = -2 }; /* every other action is an errno */

struct plan {
    int64_t kinds, action, at, until; /* of the calls of these kinds, those with these numbers */
    int64_t seen, fired;
};

static volatile struct plan *plan(void) {
    static volatile struct plan *shared;
    const char *path = shared ? NULL : getenv("CALLS_FILE");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (file < 0) return shared;
    void *found = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    close(file);
    return shared = found == MAP_FAILED ? NULL : found;
}

static int kind_of(int file, int on_file) {
    char link[32], path[512];
    const char *folder = getenv("CALLS_FOLDER");
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < 0 || !folder) return 0;
    path[size] = 0;
    if (!strncmp(path, "socket:", 7)) return SEND;
    return strncmp(path, folder, strlen(folder)) ? 0 : on_file;
}

/* What is to become of this call: 0 for nothing, else the plan's action. */
static int64_t fate(int file, int on_file) {
    int before = errno;
    volatile struct plan *now = plan();
    int kind = now && now->action ? kind_of(file, on_file) & now->kinds : 0;
    errno = before;
    if (!kind) return 0;
    int64_t number = __atomic_add_fetch(&now->seen, 1, __ATOMIC_SEQ_CST);
    if (number < now->at || number > now->until) return 0;
    __atomic_add_fetch(&now->fired, 1, __ATOMIC_SEQ_CST);
    if (now->action == KILL_BEFORE) kill(getpid(), SIGKILL);
    return now->action;
}

#define CALL(type, name, on_file, parameters, ...)                                  \
    type name parameters {                                                          \
        static type (*real) parameters;                                             \
        if (!real) real = (type (*) parameters)dlsym(RTLD_NEXT, #name);             \
        int64_t action = fate(file, on_file);                                       \
        if (action > 0) { errno = (int)action; return -1; }                         \
        type done = real(__VA_ARGS__);                                              \
        if (action == KILL_AFTER) kill(getpid(), SIGKILL);                          \
        return done;                                                                \
    }

CALL(ssize_t, write, WRITE, (int file, const void *from, size_t size), file, from, size)
CALL(ssize_t, writev, WRITE, (int file, const struct iovec *from, int n), file, from, n)
CALL(ssize_t, pwrite, WRITE, (int file, const void *from, size_t size, off_t at), file, from, size, at)
CALL(ssize_t, pwrite64, WRITE, (int file, const void *from, size_t size, off64_t at), file, from, size, at)
CALL(int, ftruncate, WRITE, (int file, off_t size), file, size)
CALL(int, ftruncate64, WRITE, (int file, off64_t size), file, size)
CALL(int, fsync, SYNC, (int file), file)
CALL(int, fdatasync, SYNC, (int file), file)
CALL(ssize_t, send, 0, (int file, const void *from, size_t size, int how), file, from, size, how)
CALL(ssize_t, sendmsg, 0, (int file, const struct msghdr *from, int how), file, from, how)
CALL(ssize_t, sendto, 0,
     (int file, const void *from, size_t size, int how, const struct sockaddr *to, socklen_t length),
     file, from, size, how, to, length)
