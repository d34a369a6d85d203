// Which objects of a machine are held by somebody.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace vsspy::simulator {

class live_objects {
 public:
  std::uint64_t add(const char* name) {
    std::lock_guard lock(mutex_);
    objects_.emplace(++last_, name);
    return last_;
  }
  void remove(std::uint64_t key) noexcept {
    std::lock_guard lock(mutex_);
    objects_.erase(key);
  }
  std::size_t count() const {
    std::lock_guard lock(mutex_);
    return objects_.size();
  }
  std::vector<std::string> names() const {
    std::lock_guard lock(mutex_);
    std::vector<std::string> result;
    for (const auto& [key, name] : objects_) result.emplace_back(name);
    return result;
  }
  // At the end of a process, when another thread may have ended in the middle: nothing then.
  std::optional<std::vector<std::string>> names_at_end() const {
    const std::unique_lock lock(mutex_, std::try_to_lock);
    if (!lock) return std::nullopt;
    std::vector<std::string> result;
    for (const auto& [key, name] : objects_) result.emplace_back(name);
    return result;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, const char*> objects_;
  std::uint64_t last_ = 0;
};

}  // namespace vsspy::simulator
