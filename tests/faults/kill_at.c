/* Loaded with LD_PRELOAD: counts the calls that change the disk below chosen folders, and at the nth of them
   - KILL_BEFORE: kills the process,
   - KILL_WITHIN: (writes only) writes half and kills the process,
   - DISK_FULL: (what takes space only) fails, then and from then on, as on a full disk.
   Nothing is counted until kill_at_arm is called. Flushing is counted and then left out: there is no power failure here. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { KILL_BEFORE = 0, KILL_WITHIN = 1, DISK_FULL = 2 };
enum { TAKES_SPACE = 1, IS_WRITE = 2 };

#define FICLONE_REQUEST 0x40049409UL

static atomic_long counted;
static long wanted;
static int mode;
static char folders[8 * PATH_MAX]; /* separated by newlines; empty: not armed */

void kill_at_arm(const char* below, long n, int how) {
  wanted = n;
  mode = how;
  atomic_store(&counted, 0);
  snprintf(folders, sizeof folders, "%s", below);
}

long kill_at_counted(void) { return atomic_load(&counted); }

static int is_below(const char* path) {
  for (const char* each = folders; *each;) {
    const char* end = strchr(each, '\n');
    const size_t length = end ? (size_t)(end - each) : strlen(each);
    if (strncmp(path, each, length) == 0 && (path[length] == '\0' || path[length] == '/')) return 1;
    each += length + (end ? 1 : 0);
  }
  return 0;
}

static int open_path(int fd, char* path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, path, PATH_MAX - 1);
  path[length > 0 ? length : 0] = '\0';
  return length > 0;
}

static int concerns(int fd, const char* name) {
  char path[2 * PATH_MAX];
  if (!*folders) return 0;
  if (name && *name == '/') return is_below(name);
  if (fd == AT_FDCWD) {
    if (!getcwd(path, PATH_MAX)) return 0;
  } else if (!open_path(fd, path)) {
    return 0;
  }
  if (name && *name) {
    strncat(path, "/", sizeof path - strlen(path) - 1);
    strncat(path, name, sizeof path - strlen(path) - 1);
  }
  return is_below(path);
}

static void die(void) {
  for (;;) kill(getpid(), SIGKILL);
}

/* 0: go on; -1: fail; 1: do half of it, then die. */
static int at_call(int fd, const char* name, int what) {
  const int before = errno;
  const int concerned = concerns(fd, name);
  errno = before;
  if (!concerned) return 0;
  if (mode == KILL_WITHIN && !(what & IS_WRITE)) return 0;
  if (mode == DISK_FULL && !(what & TAKES_SPACE)) return 0;
  const long now = atomic_fetch_add(&counted, 1) + 1;
  if (!wanted || now < wanted) return 0;
  if (mode == DISK_FULL) {
    errno = ENOSPC;
    return -1;
  }
  if (now > wanted) return 0; /* another thread is dying */
  if (mode == KILL_WITHIN) return 1;
  die();
  return 0;
}

#define REAL(result, name, parameters)                            \
  static result(*real) parameters;                                \
  if (!real) real = (result(*) parameters)dlsym(RTLD_NEXT, #name)

static int opens_for_change(int fd, const char* name, int flags) {
  if (!(flags & (O_CREAT | O_TRUNC))) return 0;
  struct stat found;
  const int before = errno;
  const int there = *folders && fstatat(fd, name, &found, AT_SYMLINK_NOFOLLOW) == 0;
  errno = before;
  if (there && !(flags & O_TRUNC)) return 0; /* nothing is made */
  return at_call(fd, name, there ? 0 : TAKES_SPACE);
}

#define OPEN(function)                                            \
  int function(const char* name, int flags, ...) {                \
    REAL(int, function, (const char*, int, ...));                 \
    va_list more;                                                 \
    va_start(more, flags);                                        \
    const mode_t rights = va_arg(more, mode_t);                   \
    va_end(more);                                                 \
    if (opens_for_change(AT_FDCWD, name, flags) < 0) return -1;   \
    return real(name, flags, rights);                             \
  }
OPEN(open)
OPEN(open64)

#define OPENAT(function)                                          \
  int function(int fd, const char* name, int flags, ...) {        \
    REAL(int, function, (int, const char*, int, ...));            \
    va_list more;                                                 \
    va_start(more, flags);                                        \
    const mode_t rights = va_arg(more, mode_t);                   \
    va_end(more);                                                 \
    if (opens_for_change(fd, name, flags) < 0) return -1;         \
    return real(fd, name, flags, rights);                         \
  }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void* data, size_t size) {
  REAL(ssize_t, write, (int, const void*, size_t));
  const int what = at_call(fd, NULL, TAKES_SPACE | IS_WRITE);
  if (what < 0) return -1;
  if (what > 0) {
    real(fd, data, size / 2);
    die();
  }
  return real(fd, data, size);
}

#define PWRITE(function, offset_type)                                                 \
  ssize_t function(int fd, const void* data, size_t size, offset_type at) {           \
    REAL(ssize_t, function, (int, const void*, size_t, offset_type));                 \
    const int what = at_call(fd, NULL, TAKES_SPACE | IS_WRITE);                       \
    if (what < 0) return -1;                                                          \
    if (what > 0) {                                                                   \
      real(fd, data, size / 2, at);                                                   \
      die();                                                                          \
    }                                                                                 \
    return real(fd, data, size, at);                                                  \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t copy_file_range(int in, off64_t* in_at, int out, off64_t* out_at, size_t size, unsigned flags) {
  REAL(ssize_t, copy_file_range, (int, off64_t*, int, off64_t*, size_t, unsigned));
  if (at_call(out, NULL, TAKES_SPACE) < 0) return -1;
  return real(in, in_at, out, out_at, size, flags);
}

int ioctl(int fd, unsigned long request, ...) {
  REAL(int, ioctl, (int, unsigned long, ...));
  va_list more;
  va_start(more, request);
  void* argument = va_arg(more, void*);
  va_end(more);
  if (request == FICLONE_REQUEST && at_call(fd, NULL, TAKES_SPACE) < 0) return -1;
  return real(fd, request, argument);
}

#define CALL(result, function, parameters, arguments, fd, name, what) \
  result function parameters {                                        \
    REAL(result, function, parameters);                               \
    if (at_call(fd, name, what) < 0) return -1;                       \
    return real arguments;                                            \
  }
CALL(int, ftruncate, (int fd, off_t size), (fd, size), fd, NULL, TAKES_SPACE)
CALL(int, ftruncate64, (int fd, off64_t size), (fd, size), fd, NULL, TAKES_SPACE)
CALL(int, mkdir, (const char* name, mode_t rights), (name, rights), AT_FDCWD, name, TAKES_SPACE)
CALL(int, mkdirat, (int fd, const char* name, mode_t rights), (fd, name, rights), fd, name, TAKES_SPACE)
CALL(int, symlink, (const char* to, const char* name), (to, name), AT_FDCWD, name, TAKES_SPACE)
CALL(int, symlinkat, (const char* to, int fd, const char* name), (to, fd, name), fd, name, TAKES_SPACE)
CALL(int, link, (const char* from, const char* name), (from, name), AT_FDCWD, name, TAKES_SPACE)
CALL(int, linkat, (int from_fd, const char* from, int fd, const char* name, int flags),
     (from_fd, from, fd, name, flags), fd, name, TAKES_SPACE)
CALL(int, rename, (const char* from, const char* name), (from, name), AT_FDCWD, name, 0)
CALL(int, renameat, (int from_fd, const char* from, int fd, const char* name), (from_fd, from, fd, name), fd, name, 0)
CALL(int, renameat2, (int from_fd, const char* from, int fd, const char* name, unsigned flags),
     (from_fd, from, fd, name, flags), fd, name, 0)
CALL(int, unlink, (const char* name), (name), AT_FDCWD, name, 0)
CALL(int, unlinkat, (int fd, const char* name, int flags), (fd, name, flags), fd, name, 0)
CALL(int, remove, (const char* name), (name), AT_FDCWD, name, 0)
CALL(int, rmdir, (const char* name), (name), AT_FDCWD, name, 0)

#define FLUSH(function)                          \
  int function(int fd) {                         \
    if (at_call(fd, NULL, 0) < 0) return -1;     \
    return 0;                                    \
  }
FLUSH(fsync)
FLUSH(fdatasync)
FLUSH(syncfs)
