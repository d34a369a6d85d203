// Views of the Backup Components Document: good until writers may have changed it (semantics 2.6).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

#include "../com/com_ptr.h"
#include "lifetime.h"

namespace vsspy::requester {

class session;
class document_view;

// The views that a session has handed out: their COM objects go with the session's own, and before it.
class view_list {
 public:
  view_list() = default;
  view_list(view_list&&) noexcept = default;
  view_list& operator=(view_list&&) noexcept = default;
  view_list(const view_list&) = delete;
  view_list& operator=(const view_list&) = delete;
  ~view_list();

  template <class View>
  void add(const std::vector<std::shared_ptr<View>>& made) {
    std::erase_if(views_, [](const auto& view) { return view.expired(); });
    views_.insert(views_.end(), made.begin(), made.end());
  }

 private:
  std::vector<std::weak_ptr<document_view>> views_;
};

// A view shares its session's lock, and knows it weakly: the backup ends without regard to who still holds a view. It
// is not enlisted for the end of the interpreter, since its session is.
class document_view : public live_object {
 protected:
  document_view(std::weak_ptr<session> owner, std::uint64_t generation)
      : owner_(std::move(owner)), generation_(generation) {}

  const std::weak_ptr<session>& owner() const noexcept { return owner_; }
  std::uint64_t generation() const noexcept { return generation_; }

  // fn(), or fn(views) where it makes more of them, with the session to itself and where objects of the MTA may be
  // used. Throws VSSPY_E_STALE, VSSPY_E_CLOSED and VSSPY_E_FORKED without a call of COM.
  template <class Fn>
  auto read(const char* operation, Fn fn) {
    if constexpr (std::is_invocable_v<Fn&, view_list&>) {
      std::optional<std::invoke_result_t<Fn&, view_list&>> result;
      run(operation, [&](view_list& views) { result.emplace(fn(views)); });
      return std::move(*result);
    } else {
      std::optional<std::invoke_result_t<Fn&>> result;
      run(operation, [&](view_list&) { result.emplace(fn()); });
      return std::move(*result);
    }
  }

  // What the destructor of a view does: nothing is released that does not belong to this process any more.
  template <class... Pointer>
  void give_back(Pointer&... pointers) noexcept {
    if (abandoned()) (pointers.detach(), ...);
    (pointers.reset(), ...);
  }

 private:
  void run(const char* operation, const std::function<void(view_list&)>& fn);

  const std::weak_ptr<session> owner_;
  const std::uint64_t generation_;
};

}  // namespace vsspy::requester
