/*
 * The survey's loop in C, to know what Python costs: the same calls in the same order of work, no TLS library.
 *
 *     sweep FIRST LAST PORT,PORT,... SEED HELLOS
 *
 * The file HELLOS holds the association request and the ClientHello, each after its length in four bytes. Prints targets, recognised, ended, mute, silent.
 * Like the Python loop it lets refused sockets call again, asks connect() twice, watches each socket once,
 * edge-triggered, takes leave of whoever accepted, hangs up with a reset, and does one kind of work after the other.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MOST_LINES = 16384, MOST_HEARD = 8192, STARTS_A_ROUND = 256, EVENTS_A_ROUND = 512 };

struct line {
    int descriptor, watched, busy, up, question;
    uint32_t address;
    uint16_t port;
    uint64_t call;
    unsigned char *heard;
    size_t held;
};

struct due { double at; uint64_t call; int descriptor; struct due *next; };
struct queue { struct due *first, *last; double after_s; };

static struct line *lines[1 << 20];
static int spare[MOST_LINES], spares;
static struct line *to_greet[MOST_LINES], *to_close[MOST_LINES], *speaking[EVENTS_A_ROUND];
static int greetings, closings;
static struct queue to_pick_up = {0, 0, 3.5}, to_answer = {0, 0, 7.0}, to_hello = {0, 0, 4.0};
static struct due *free_dues;
static unsigned char hello[2][4096];
static uint32_t hello_length[2];
static const unsigned char farewell[10] = {7, 0, 0, 0, 0, 4}; /* A-ABORT, PS3.8 section 9.3.8 */
static struct { uint32_t address; uint16_t port; } again[1 << 20];
static size_t again_first, again_last;
static uint64_t calls, in_flight, closed, silent, ended, mute, recognised, other;
static int epoll;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void put(struct queue *queue, struct line *line, double at)
{
    struct due *due = free_dues;
    if (due)
        free_dues = due->next;
    else
        due = malloc(sizeof *due);
    due->at = at + queue->after_s;
    due->call = line->call;
    due->descriptor = line->descriptor;
    due->next = 0;
    if (queue->last)
        queue->last->next = due;
    else
        queue->first = due;
    queue->last = due;
}

static struct line *new_line(void)
{
    static const struct linger reset = {1, 0};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct line *line;
    if (descriptor < 0) {
        perror("socket");
        exit(1);
    }
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    line = calloc(1, sizeof *line);
    line->descriptor = descriptor;
    lines[descriptor] = line;
    return line;
}

static void watch(struct line *line)
{
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.fd = line->descriptor};
    if (!line->watched)
        epoll_ctl(epoll, EPOLL_CTL_ADD, line->descriptor, &event);
    line->watched = 1;
}

static void release(struct line *line, int reusable)
{
    line->busy = line->up = 0;
    line->call = 0;
    line->held = 0;
    in_flight--;
    if (reusable) {
        spare[spares++] = line->descriptor;
        return;
    }
    lines[line->descriptor] = 0;
    to_close[closings++] = line;
}

static void close_ended(void)
{
    while (closings) {
        struct line *line = to_close[--closings];
        close(line->descriptor);
        free(line->heard);
        free(line);
    }
}

static void finish(struct line *line, uint64_t *outcome, int ask_tls)
{
    int reusable = outcome == &closed && !line->up;
    if (ask_tls && line->question == 0) {
        again[again_last & 0xfffff].address = line->address;
        again[again_last++ & 0xfffff].port = line->port;
    } else {
        ++*outcome;
    }
    release(line, reusable);
}

/* 1 recognised, -1 certainly not, 0 needs more: PS3.8 section 9.3, as the Python recogniser reads it. */
static int recognise(const unsigned char *heard, size_t held)
{
    static const char context[] = "1.2.840.10008.3.1.1.1";
    uint32_t length, at;
    int named = 0, user = 0;
    if (heard[0] != 2 && heard[0] != 3 && heard[0] != 7)
        return -1;
    if (held > 1 && heard[1])
        return -1;
    if (held < 6)
        return 0;
    length = (uint32_t)heard[2] << 24 | heard[3] << 16 | heard[4] << 8 | heard[5];
    if (heard[0] == 2 ? length < 68 || length > 131072 : length != 4)
        return -1;
    if (held < 6 + length)
        return heard[0] == 2 && held >= 8 && !(heard[7] & 1) ? -1 : 0;
    if (heard[0] == 3)
        return heard[7] >= 1 && heard[7] <= 2 && heard[8] >= 1 && heard[8] <= 3 ? 1 : -1;
    if (heard[0] == 7)
        return 1;
    for (at = 74; at + 4 <= 6 + length;) {
        uint32_t size = heard[at + 2] << 8 | heard[at + 3];
        if (at + 4 + size > 6 + length)
            return -1;
        if (heard[at] == 0x10)
            named = size >= sizeof context - 1 && !memcmp(heard + at + 4, context, sizeof context - 1);
        if (heard[at] == 0x50)
            user = 1;
        at += 4 + size;
    }
    return named && user ? 1 : -1;
}

static void picked_up(struct line *line)
{
    line->up = 1;
    to_greet[greetings++] = line;
}

static void greet(void)
{
    double at = now();
    for (int n = 0; n < greetings; n++)
        watch(to_greet[n]);
    for (int n = 0; n < greetings; n++) {
        struct line *line = to_greet[n];
        int question = line->question;
        ssize_t length = hello_length[question];
        if (send(line->descriptor, hello[question], length, MSG_NOSIGNAL) != length)
            finish(line, &ended, 1);
        else
            put(question ? &to_hello : &to_answer, line, at);
    }
    greetings = 0;
}

static void connected(struct line *line, int failed)
{
    if (failed == 0 || failed == EISCONN)
        picked_up(line);
    else if (failed == ECONNREFUSED)
        finish(line, &closed, 0);
    else if (failed == ECONNRESET || failed == EPIPE)
        finish(line, &ended, 1);
    else
        finish(line, &silent, 0);
}

static int call(struct line *line)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(line->port), .sin_addr = {htonl(line->address)}};
    return connect(line->descriptor, (struct sockaddr *)&to, sizeof to) ? errno : 0;
}

static void place(uint32_t address, uint16_t port, int question, double at)
{
    struct line *line = spares ? lines[spare[--spares]] : new_line();
    int failed;
    line->address = address;
    line->port = port;
    line->question = question;
    line->call = ++calls;
    line->busy = 1;
    in_flight++;
    failed = call(line);
    if (failed == EINPROGRESS)
        failed = call(line);
    if (failed == EINPROGRESS || failed == EALREADY) {
        watch(line);
        put(&to_pick_up, line, at);
    } else
        connected(line, failed);
}

static void listen_to(struct line *line)
{
    unsigned char data[MOST_HEARD];
    ssize_t got = recv(line->descriptor, data, sizeof data, 0);
    int found;
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        finish(line, &ended, 1);
        return;
    }
    line->heard = realloc(line->heard, line->held + got);
    memcpy(line->heard + line->held, data, got);
    line->held += got;
    if (line->question)
        found = line->heard[0] == 22 ? 1 : -1;
    else if (line->heard[0] == 21)
        found = line->held < 7 ? 0 : 2;
    else
        found = recognise(line->heard, line->held);
    if (found == 1 && line->heard[0] == 2)
        send(line->descriptor, farewell, sizeof farewell, MSG_NOSIGNAL);
    if (found == 2)
        finish(line, &ended, 1);
    else if (found)
        finish(line, found > 0 ? &recognised : &other, 0);
    else if (line->held >= MOST_HEARD)
        finish(line, &other, 0);
}

static void hang_up_overdue(struct queue *queue, double at, int up, uint64_t *outcome)
{
    while (queue->first && queue->first->at <= at) {
        struct due *due = queue->first;
        struct line *line = lines[due->descriptor];
        queue->first = due->next;
        if (!queue->first)
            queue->last = 0;
        if (line && line->busy && line->call == due->call && line->up == up)
            finish(line, outcome, 0);
        due->next = free_dues;
        free_dues = due;
    }
}

int main(int argc, char **argv)
{
    static struct epoll_event events[EVENTS_A_ROUND];
    uint32_t first, last, ports[64], port_count = 0, *order;
    uint64_t size, position = 0, random;
    char *text;
    FILE *said;
    if (argc != 6 || !(said = fopen(argv[5], "rb")))
        return 2;
    for (int n = 0; n < 2; n++) {
        unsigned char prefix[4];
        if (fread(prefix, 4, 1, said) != 1)
            return 2;
        hello_length[n] = (uint32_t)prefix[0] << 24 | prefix[1] << 16 | prefix[2] << 8 | prefix[3];
        if (hello_length[n] > sizeof hello[n] || fread(hello[n], hello_length[n], 1, said) != 1)
            return 2;
    }
    fclose(said);
    first = ntohl(inet_addr(argv[1]));
    last = ntohl(inet_addr(argv[2]));
    for (text = strtok(argv[3], ","); text; text = strtok(0, ","))
        ports[port_count++] = atoi(text);
    size = (uint64_t)(last - first + 1) * port_count;
    random = strtoull(argv[4], 0, 10) * 0x9e3779b97f4a7c15u + 1;
    order = malloc(size * sizeof *order);
    for (uint64_t n = 0; n < size; n++)
        order[n] = n;
    for (uint64_t n = size; n > 1; n--) {
        uint32_t kept = order[n - 1], other_place;
        random ^= random << 13, random ^= random >> 7, random ^= random << 17;
        other_place = random % n;
        order[n - 1] = order[other_place];
        order[other_place] = kept;
    }
    epoll = epoll_create1(0);
    for (;;) {
        double at = now();
        int started = 0, speakers = 0, count;
        hang_up_overdue(&to_pick_up, at, 0, &silent);
        hang_up_overdue(&to_answer, at, 1, &mute);
        hang_up_overdue(&to_hello, at, 1, &mute);
        close_ended();
        while (started < STARTS_A_ROUND && in_flight < MOST_LINES - 64 && again_first < again_last) {
            place(again[again_first & 0xfffff].address, again[again_first & 0xfffff].port, 1, at);
            again_first++;
            started++;
        }
        while (started < STARTS_A_ROUND && in_flight < MOST_LINES - 64 && position < size) {
            uint32_t index = order[position++];
            place(first + index / port_count, ports[index % port_count], 0, at);
            started++;
        }
        if (!started && !in_flight && again_first == again_last && position == size)
            break;
        greet();
        count = epoll_wait(epoll, events, EVENTS_A_ROUND, started ? 0 : 50);
        for (int n = 0; n < count; n++) {
            struct line *line = lines[events[n].data.fd];
            if (!line || !line->busy)
                continue;
            if (!line->up) {
                int failed = call(line);
                if (failed != EALREADY && failed != EINPROGRESS)
                    connected(line, failed);
                line = lines[events[n].data.fd];
            }
            if (line && line->busy && line->up && events[n].events & ~(uint32_t)EPOLLOUT)
                speaking[speakers++] = line;
        }
        greet();
        for (int n = 0; n < speakers; n++)
            if (speaking[n]->busy)
                listen_to(speaking[n]);
        close_ended();
    }
    printf("{\"targets\": %lu, \"closed\": %lu, \"silent\": %lu, \"recognised\": %lu, \"other\": %lu, \"ended\": %lu, "
           "\"mute\": %lu}\n",
           size, closed, silent, recognised, other, ended, mute);
    return 0;
}
