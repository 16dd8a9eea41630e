// Makes system calls on files below one folder fail, or kill the process, for tests: loaded with LD_PRELOAD.
//
// Calls that may change the disk are counted: opening for writing, writing, renaming, making folders, syncing. At call
// number `at` (from 0) the process is killed, or the call fails with an error number; a full disk (ENOSPC) stays full.
// What is written at that call is written by half.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[PATH_MAX];
static int armed, count, at, error;

void faults_arm(const char *below, int number, int with_error)
{
    snprintf(folder, sizeof folder, "%s", below);
    armed = 1, count = 0, at = number, error = with_error;
}

int faults_count(void) { return count; }

// Whether this call on `path` fails; `fills` the disk: goes on failing where that is full.
static int fails(const char *path, int fills)
{
    if (!armed || strncmp(path, folder, strlen(folder)) != 0)
        return 0;
    int number = __atomic_fetch_add(&count, 1, __ATOMIC_SEQ_CST);
    if (number != at && !(number > at && error == ENOSPC && fills))
        return 0;
    return 1;
}

static int fail(void)
{
    if (error == 0)
        kill(getpid(), SIGKILL);
    errno = error;
    return -1;
}

static int fails_fd(int fd, int fills)
{
    char link[64], path[PATH_MAX];
    if (!armed)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return fails(path, fills);
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define WRITES(flags) ((flags) & (O_WRONLY | O_RDWR | O_CREAT))

#define OPEN(name)                                                                                                     \
    int name(const char *path, int flags, ...)                                                                         \
    {                                                                                                                  \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = va_arg(rest, mode_t);                                                                            \
        va_end(rest);                                                                                                  \
        return WRITES(flags) && fails(path, flags & O_CREAT) ? fail() : NEXT(name)(path, flags, mode);                 \
    }
OPEN(open)
OPEN(open64)

#define OPENAT(name)                                                                                                   \
    int name(int at_fd, const char *path, int flags, ...)                                                              \
    {                                                                                                                  \
        va_list rest;                                                                                                  \
        va_start(rest, flags);                                                                                         \
        mode_t mode = va_arg(rest, mode_t);                                                                            \
        va_end(rest);                                                                                                  \
        return WRITES(flags) && fails(path, flags & O_CREAT) ? fail() : NEXT(name)(at_fd, path, flags, mode);          \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void *data, size_t size)
{
    if (!fails_fd(fd, 1))
        return NEXT(write)(fd, data, size);
    if (NEXT(write)(fd, data, size / 2) < 0)
        return -1;
    return fail();
}

#define PWRITE(name, offset_type)                                                                                      \
    ssize_t name(int fd, const void *data, size_t size, offset_type place)                                             \
    {                                                                                                                  \
        return fails_fd(fd, 1) ? fail() : NEXT(name)(fd, data, size, place);                                           \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t writev(int fd, const struct iovec *parts, int n)
{
    return fails_fd(fd, 1) ? fail() : NEXT(writev)(fd, parts, n);
}

int rename(const char *from, const char *to) { return fails(to, 0) ? fail() : NEXT(rename)(from, to); }

int mkdir(const char *path, mode_t mode) { return fails(path, 1) ? fail() : NEXT(mkdir)(path, mode); }

int fsync(int fd) { return fails_fd(fd, 0) ? fail() : NEXT(fsync)(fd); }

int fdatasync(int fd) { return fails_fd(fd, 0) ? fail() : NEXT(fdatasync)(fd); }
