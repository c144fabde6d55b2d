/* Lets a server that only knows 0.0.0.0 listen on one loopback address: LD_PRELOAD this with BIND_ADDRESS set. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int bind(int descriptor, const struct sockaddr *address, socklen_t length)
{
    static int (*real)(int, const struct sockaddr *, socklen_t);
    const char *wanted = getenv("BIND_ADDRESS");
    struct sockaddr_in changed;

    if (!real)
        real = (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
    if (wanted && address->sa_family == AF_INET && length >= sizeof changed) {
        memcpy(&changed, address, sizeof changed);
        if (changed.sin_addr.s_addr == INADDR_ANY && inet_pton(AF_INET, wanted, &changed.sin_addr) == 1)
            return real(descriptor, (struct sockaddr *)&changed, sizeof changed);
    }
    return real(descriptor, address, length);
}
