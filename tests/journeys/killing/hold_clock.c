/* Preloaded: the wall clock stands still at HOLD_CLOCK (seconds of Unix time); every other clock goes on. libfaketime
   cannot: with a frozen clock of its own it makes Python's sleep fail. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static time_t held(void) {
    const char *at = getenv("HOLD_CLOCK");
    return at ? atol(at) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *told) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    if (clock != CLOCK_REALTIME) return real(clock, told);
    told->tv_sec = held();
    told->tv_nsec = 0;
    return 0;
}

int gettimeofday(struct timeval *restrict told, void *restrict zone) {
    (void)zone;
    told->tv_sec = held();
    told->tv_usec = 0;
    return 0;
}

time_t time(time_t *told) {
    if (told) *told = held();
    return held();
}
