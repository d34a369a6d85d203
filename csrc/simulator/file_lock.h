// A lock that processes share: one file, held by one of them alone or by several together. The system gives it up at
// the moment in which its process dies. Two objects exclude each other inside one process, too; threads that use one
// object need a mutex of their own.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>

namespace vsspy::simulator {

class file_lock {
 public:
  enum class kind { shared, exclusive };

  file_lock() = default;
  ~file_lock();  // gives the lock up; a child's copy after a fork gives up nothing
  file_lock(const file_lock&) = delete;
  file_lock& operator=(const file_lock&) = delete;

  // Opens the file, and makes it if `create`. False: there is no such file (or folder). Throws vss_error.
  bool open(const std::filesystem::path& file, bool create);
  bool is_open() const noexcept;

  bool try_lock(kind kind);  // throws vss_error where the file cannot be locked at all
  void lock(kind kind);      // waits
  void unlock() noexcept;
  void close() noexcept;

  // A few bytes at the file's begin, for whoever holds the lock; all zero where there are none yet.
  using content = std::array<unsigned char, 16>;
  content read() const;
  void write(const content& bytes);  // throws vss_error

  // As long as one of these exists, the lock is held.
  class hold {
   public:
    hold(file_lock& lock, kind kind) : lock_(lock) { lock_.lock(kind); }
    ~hold() { lock_.unlock(); }
    hold(const hold&) = delete;
    hold& operator=(const hold&) = delete;

   private:
    file_lock& lock_;
  };

 private:
#ifdef _WIN32
  bool take(kind kind, bool wait);
  void* file_ = nullptr;  // a HANDLE
  bool held_ = false;
#else
  int file_ = -1;
  friend class open_locks;
#endif
};

}  // namespace vsspy::simulator
