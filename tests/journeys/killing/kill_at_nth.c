/* Preloaded: kills the process at the n-th call that changes the disk (KILL_AT), as a power cut would, before it is made. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

static long calls;

static void count(void) {
    static long at = -1;
    if (at < 0) {
        const char *wanted = getenv("KILL_AT");
        at = wanted ? atol(wanted) : 0;
    }
    if (at && ++calls == at) {
        kill(getpid(), SIGKILL);
    }
}

#define INTERPOSE(type, name, parameters, arguments)                        \
    type name parameters {                                                  \
        static type(*real) parameters;                                      \
        if (!real) real = (type(*) parameters)dlsym(RTLD_NEXT, #name);      \
        count();                                                            \
        return real arguments;                                              \
    }

INTERPOSE(int, fsync, (int fd), (fd))
INTERPOSE(int, fdatasync, (int fd), (fd))
INTERPOSE(ssize_t, pwrite, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at))
INTERPOSE(ssize_t, pwrite64, (int fd, const void *from, size_t size, off64_t at), (fd, from, size, at))
INTERPOSE(int, rename, (const char *from, const char *to), (from, to))
INTERPOSE(int, ftruncate, (int fd, off_t size), (fd, size))
INTERPOSE(int, ftruncate64, (int fd, off64_t size), (fd, size))
INTERPOSE(int, unlink, (const char *path), (path))
