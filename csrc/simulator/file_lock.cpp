#include "file_lock.h"

#include "../com/hresult.h"

#ifdef _WIN32
#include "provider_windows.h"
#else
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <unistd.h>

#include <mutex>
#include <set>

#include "provider_posix.h"
#endif

namespace vsspy::simulator {

file_lock::~file_lock() { close(); }

#ifndef _WIN32

// A lock belongs to the open file, which a fork shares with the child: a child that lives on would keep what its killed
// parent held. So children close all of them at once.
class open_locks {
 public:
  static open_locks& all() {
    static auto& locks = *new open_locks;
    return locks;
  }

  // The locks' files are opened and closed under the mutex, so that no fork meets a half-registered one.
  template <class Work>
  void change(Work&& work) {
    const std::lock_guard lock(mutex_);
    work(locks_);
  }

 private:
  open_locks() {
    ::pthread_atfork([] { all().mutex_.lock(); }, [] { all().mutex_.unlock(); },
                     [] {
                       for (file_lock* each : all().locks_) {
                         ::close(each->file_);
                         each->file_ = -1;
                       }
                       all().locks_.clear();
                       all().mutex_.unlock();
                     });
  }

  std::mutex mutex_;
  std::set<file_lock*> locks_;
};

bool file_lock::open(const std::filesystem::path& file, bool create) {
  close();
  int error = 0;
  open_locks::all().change([&](std::set<file_lock*>& locks) {
    const int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0);
    const int opened = ::open(file.c_str(), flags, 0600);
    error = opened < 0 ? errno : 0;
    if (opened < 0) return;
    file_ = opened;
    locks.insert(this);
  });
  if (!error) return true;
  if (error == ENOENT || error == ENOTDIR) return false;
  provider::throw_system(error, "could not open " + provider::printable(file.native()));
}

bool file_lock::is_open() const noexcept { return file_ >= 0; }

bool file_lock::try_lock(kind kind) {
  while (::flock(file_, (kind == kind::shared ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) provider::throw_system(errno, "could not lock a file");
  }
  return true;
}

void file_lock::lock(kind kind) {
  while (::flock(file_, kind == kind::shared ? LOCK_SH : LOCK_EX) != 0) {
    if (errno != EINTR) provider::throw_system(errno, "could not lock a file");
  }
}

void file_lock::unlock() noexcept {
  if (file_ >= 0) ::flock(file_, LOCK_UN);
}

void file_lock::close() noexcept {
  open_locks::all().change([&](std::set<file_lock*>& locks) {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
    locks.erase(this);
  });
}

file_lock::content file_lock::read() const {
  content bytes{};
  const ssize_t got = ::pread(file_, bytes.data(), bytes.size(), 0);
  if (got < 0) provider::throw_system(errno, "could not read a lock's file");
  return bytes;
}

void file_lock::write(const content& bytes) {
  const ssize_t put = ::pwrite(file_, bytes.data(), bytes.size(), 0);
  if (put != static_cast<ssize_t>(bytes.size())) {
    provider::throw_system(put < 0 ? errno : ENOSPC, "could not write a lock's file");
  }
}

#else

namespace {

// Far behind the content, which stays readable: a lock keeps others from the bytes that it covers.
OVERLAPPED place() {
  OVERLAPPED where{};
  where.OffsetHigh = 1;
  return where;
}

}  // namespace

bool file_lock::open(const std::filesystem::path& file, bool create) {
  close();
  const HANDLE opened = ::CreateFileW(provider::long_path(file).c_str(), GENERIC_READ | GENERIC_WRITE,
                                      FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, nullptr,
                                      create ? OPEN_ALWAYS : OPEN_EXISTING, FILE_ATTRIBUTE_NORMAL, nullptr);
  if (opened != INVALID_HANDLE_VALUE) {
    file_ = opened;
    return true;
  }
  const DWORD error = ::GetLastError();
  // access is denied to what somebody has deleted and another still has open
  if (error == ERROR_FILE_NOT_FOUND || error == ERROR_PATH_NOT_FOUND || error == ERROR_ACCESS_DENIED) return false;
  provider::throw_windows(error, "could not open a lock's file");
}

bool file_lock::is_open() const noexcept { return file_ != nullptr; }

bool file_lock::take(kind kind, bool wait) {
  unlock();  // unlike flock, a second lock is one more
  OVERLAPPED where = place();
  const DWORD flags =
      (kind == kind::exclusive ? LOCKFILE_EXCLUSIVE_LOCK : 0U) | (wait ? 0U : LOCKFILE_FAIL_IMMEDIATELY);
  if (::LockFileEx(file_, flags, 0, 1, 0, &where)) {
    held_ = true;
    return true;
  }
  const DWORD error = ::GetLastError();
  if (!wait && (error == ERROR_LOCK_VIOLATION || error == ERROR_IO_PENDING)) return false;
  provider::throw_windows(error, "could not lock a file");
}

bool file_lock::try_lock(kind kind) { return take(kind, false); }
void file_lock::lock(kind kind) { take(kind, true); }

void file_lock::unlock() noexcept {
  OVERLAPPED where = place();
  if (held_) ::UnlockFileEx(file_, 0, 1, 0, &where);
  held_ = false;
}

void file_lock::close() noexcept {
  unlock();
  if (file_) ::CloseHandle(file_);
  file_ = nullptr;
}

file_lock::content file_lock::read() const {
  content bytes{};
  OVERLAPPED begin{};
  DWORD got = 0;
  if (!::ReadFile(file_, bytes.data(), static_cast<DWORD>(bytes.size()), &got, &begin) &&
      ::GetLastError() != ERROR_HANDLE_EOF) {
    provider::throw_windows(::GetLastError(), "could not read a lock's file");
  }
  return bytes;
}

void file_lock::write(const content& bytes) {
  OVERLAPPED begin{};
  DWORD put = 0;
  if (!::WriteFile(file_, bytes.data(), static_cast<DWORD>(bytes.size()), &put, &begin)) {
    provider::throw_windows(::GetLastError(), "could not write a lock's file");
  }
}

#endif

}  // namespace vsspy::simulator
