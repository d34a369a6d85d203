#include "shared_volumes.h"

#include <map>
#include <mutex>

#include "../com/process.h"

namespace vsspy::simulator {

namespace {

struct registry {
  std::mutex mutex;
  std::map<std::filesystem::path, const session*> taken;
};

registry& shared() {
  static com::per_process<registry> registries;
  return registries.get();
}

}  // namespace

bool enter_shared_volume(const std::filesystem::path& folder, const session* session) {
  std::error_code error;
  std::filesystem::path place = std::filesystem::weakly_canonical(folder, error);
  if (error) place = folder;
  registry& known = shared();
  const std::lock_guard lock(known.mutex);
  return known.taken.try_emplace(std::move(place), session).first->second == session;
}

void leave_shared_volumes(const session* session) noexcept {
  registry& known = shared();
  const std::lock_guard lock(known.mutex);
  std::erase_if(known.taken, [&](const auto& each) { return each.second == session; });
}

}  // namespace vsspy::simulator
