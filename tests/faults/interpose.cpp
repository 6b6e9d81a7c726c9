// Loaded before the C library (LD_PRELOAD): counts the calls that concern files below a folder, and makes one of them
// fail, write only half, or be the last one before the process is killed.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum Kind { OPEN, CREATE, READ, WRITE, FSYNC, RENAME, MKDIR, UNLINK, ANY, KINDS };
enum Manner { FAIL, HALF, KILL };

struct Control {  // shared with the process that forked this one; `Control` in stage.py has the same fields
    int64_t kind, manner, error, lasting, nth;
    int64_t fired, heard, heard_when_fired;
    int64_t counts[KINDS];
    char folder[1024];
};

static Control *control = nullptr;

extern "C" void arm(Control *shared) { control = shared; }

static bool is_below(const char *path) {
    size_t length = strlen(control->folder);
    return strncmp(path, control->folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}

static bool concerns(int descriptor) {
    char link[64], path[1024];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return false;
    path[length] = 0;
    return is_below(path);
}

static bool concerns(int folder, const char *path) {
    if (!path) return false;
    if (path[0] == '/') return is_below(path);
    if (folder != AT_FDCWD) return concerns(folder);
    char here[1024];
    return getcwd(here, sizeof here) && is_below(here);
}

// Whether this call is the one to fail.
static bool struck(Kind kind) {
    int64_t n = __atomic_fetch_add(&control->counts[kind], 1, __ATOMIC_SEQ_CST);
    int64_t any = __atomic_fetch_add(&control->counts[ANY], 1, __ATOMIC_SEQ_CST);
    if (control->kind == ANY) n = any;
    else if (control->kind != kind) return false;
    if (n != control->nth && !(control->lasting && n > control->nth)) return false;
    if (!__atomic_fetch_add(&control->fired, 1, __ATOMIC_SEQ_CST)) control->heard_when_fired = control->heard;
    if (control->manner == KILL) {
        kill(0, SIGKILL);
        for (;;) pause();
    }
    return true;
}

static int failure() {
    errno = (int)control->error;
    return -1;
}

#define REAL(name) static auto real = (decltype(&name))dlsym(RTLD_NEXT, #name)
#define STRUCK(kind, ...) (control && concerns(__VA_ARGS__) && struck(kind))

#define OPENS(name)                                                                            \
    extern "C" int name(const char *path, int flags, ...) {                                    \
        REAL(name);                                                                            \
        va_list rest;                                                                          \
        va_start(rest, flags);                                                                 \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                \
        va_end(rest);                                                                          \
        return STRUCK(flags & O_CREAT ? CREATE : OPEN, AT_FDCWD, path) ? failure() : real(path, flags, mode);             \
    }
#define OPENS_AT(name)                                                                         \
    extern "C" int name(int folder, const char *path, int flags, ...) {                        \
        REAL(name);                                                                            \
        va_list rest;                                                                          \
        va_start(rest, flags);                                                                 \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;                \
        va_end(rest);                                                                          \
        return STRUCK(flags & O_CREAT ? CREATE : OPEN, folder, path) ? failure() : real(folder, path, flags, mode);       \
    }
OPENS(open)
OPENS(open64)
OPENS_AT(openat)
OPENS_AT(openat64)

extern "C" ssize_t read(int file, void *data, size_t size) {
    REAL(read);
    if (!STRUCK(READ, file)) return real(file, data, size);
    return control->manner == HALF ? real(file, data, size / 2) : failure();
}
#define PREADS(name, offset_type)                                                              \
    extern "C" ssize_t name(int file, void *data, size_t size, offset_type at) {               \
        REAL(name);                                                                            \
        if (!STRUCK(READ, file)) return real(file, data, size, at);                            \
        return control->manner == HALF ? real(file, data, size / 2, at) : failure();           \
    }
PREADS(pread, off_t)
PREADS(pread64, off64_t)

extern "C" ssize_t write(int file, const void *data, size_t size) {
    REAL(write);
    if (!STRUCK(WRITE, file)) return real(file, data, size);
    return control->manner == HALF ? real(file, data, size / 2) : failure();
}
#define PWRITES(name, offset_type)                                                             \
    extern "C" ssize_t name(int file, const void *data, size_t size, offset_type at) {         \
        REAL(name);                                                                            \
        if (!STRUCK(WRITE, file)) return real(file, data, size, at);                           \
        return control->manner == HALF ? real(file, data, size / 2, at) : failure();           \
    }
PWRITES(pwrite, off_t)
PWRITES(pwrite64, off64_t)
extern "C" ssize_t writev(int file, const struct iovec *pieces, int count) {
    REAL(writev);
    return STRUCK(WRITE, file) ? failure() : real(file, pieces, count);
}

extern "C" int fsync(int file) {
    REAL(fsync);
    return STRUCK(FSYNC, file) ? failure() : real(file);
}
extern "C" int fdatasync(int file) {
    REAL(fdatasync);
    return STRUCK(FSYNC, file) ? failure() : real(file);
}

extern "C" int rename(const char *from, const char *to) noexcept {
    REAL(rename);
    return STRUCK(RENAME, AT_FDCWD, to) ? failure() : real(from, to);
}
extern "C" int renameat(int from_folder, const char *from, int to_folder, const char *to) noexcept {
    REAL(renameat);
    return STRUCK(RENAME, to_folder, to) ? failure() : real(from_folder, from, to_folder, to);
}
extern "C" int link(const char *from, const char *to) noexcept {
    REAL(link);
    return STRUCK(RENAME, AT_FDCWD, to) ? failure() : real(from, to);
}
extern "C" int linkat(int from_folder, const char *from, int to_folder, const char *to, int flags) noexcept {
    REAL(linkat);
    return STRUCK(RENAME, to_folder, to) ? failure() : real(from_folder, from, to_folder, to, flags);
}

extern "C" int mkdir(const char *path, mode_t mode) noexcept {
    REAL(mkdir);
    return STRUCK(MKDIR, AT_FDCWD, path) ? failure() : real(path, mode);
}
extern "C" int mkdirat(int folder, const char *path, mode_t mode) noexcept {
    REAL(mkdirat);
    return STRUCK(MKDIR, folder, path) ? failure() : real(folder, path, mode);
}

extern "C" int unlink(const char *path) noexcept {
    REAL(unlink);
    return STRUCK(UNLINK, AT_FDCWD, path) ? failure() : real(path);
}
extern "C" int unlinkat(int folder, const char *path, int flags) noexcept {
    REAL(unlinkat);
    return STRUCK(UNLINK, folder, path) ? failure() : real(folder, path, flags);
}
extern "C" int rmdir(const char *path) noexcept {
    REAL(rmdir);
    return STRUCK(UNLINK, AT_FDCWD, path) ? failure() : real(path);
}
