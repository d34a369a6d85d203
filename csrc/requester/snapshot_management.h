// IVssSnapshotMgmt and IVssDifferentialSoftwareSnapshotMgmt with their extensions: every method in C++ terms, one call
// at a time to an object.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "async_operation.h"
#include "enumeration.h"

namespace vsspy::requester {

// An object of the service that manages it.
template <class Interface>
class management_object : public live_object {
 public:
  ~management_object() override {
    if (abandoned()) object_.detach();
  }

  void close() noexcept override {
    if (forked()) return;
    com::com_ptr<Interface> last;
    const auto lock = gate_.lock();
    std::swap(last, object_);
  }
  // The same for a caller that may be told no: throws VSSPY_E_REENTERED and VSSPY_E_FORKED.
  void close_or_throw() {
    if (forked()) throw com::vss_error(com::VSSPY_E_FORKED, "IUnknown::Release");
    gate_.refuse_reentry("IUnknown::Release");
    close();
  }

 protected:
  explicit management_object(const vsspy_platform& platform) : platform_(platform) {}

  // The object that make(iid, out) gives.
  template <class Make>
  void open(const char* operation, Make make) {
    if (platform_.version != vsspy_platform_version) {
      throw com::vss_error(E_INVALIDARG, operation, "the platform table has another version");
    }
    require_usable(operation);
    com::enter_mta(platform_);
    void* made = nullptr;
    com::check(com::on_mta(platform_, [&] { return make(&abi::iid_of<Interface>::value, &made); }), operation);
    adopt(made, operation);
  }

  // What came with a success code, under this interface.
  void adopt(void* made, const char* operation) {
    if (!made) throw com::vss_error(E_UNEXPECTED, operation, "no object came with the success code");
    object_ = com::com_ptr<Interface>(platform_, static_cast<Interface*>(made));
    enlist(shared_from_this());
  }

  // The HRESULT of fn(interface), checked, where objects of the MTA may be used. `Asked` is the interface that has the
  // method, `name` what the error calls it where the system lacks it.
  template <class Asked, class Fn>
  HRESULT call(const char* operation, const char* name, Fn fn) {
    require_usable(operation);
    return gate_.pass(operation, [&] {
      if (!object_) throw com::vss_error(com::VSSPY_E_CLOSED, operation);
      return com::on_mta(platform_, [&] {
        if constexpr (std::is_same_v<Asked, Interface>) {
          return com::check(fn(*object_), operation);
        } else {
          const com::com_ptr<Asked> asked = object_.template try_query<Asked>();
          if (!asked) throw com::vss_error(E_NOINTERFACE, operation, name);
          return com::check(fn(*asked), operation);
        }
      });
    });
  }

  const vsspy_platform& platform_;

 private:
  call_gate gate_;
  com::com_ptr<Interface> object_;
};

struct protection_info {
  std::int32_t level = 0;
  bool offline = false;
  std::int32_t fault = 0;
  std::uint32_t failure_status = 0;
  bool has_unused_area = false;
};

struct delta_bitmap {
  std::uint32_t block_size = 0;
  std::uint32_t length = 0;
  std::vector<std::uint8_t> bits;
};

class snapshot_management;

class differential_management final : public management_object<IVssDifferentialSoftwareSnapshotMgmt> {
 public:
  // By the entry point GetProviderMgmtInterface.
  static std::shared_ptr<differential_management> open(const vsspy_platform& platform, const GUID& provider_id);

  void add_diff_area(const std::u16string& volume, const std::u16string& storage, std::int64_t maximum);
  void change_diff_area_maximum_size(const std::u16string& volume, const std::u16string& storage, std::int64_t maximum);
  std::shared_ptr<management_enumeration> query_volumes_supported_for_diff_areas(const std::u16string& volume);
  std::shared_ptr<management_enumeration> query_diff_areas_for_volume(const std::u16string& volume);
  std::shared_ptr<management_enumeration> query_diff_areas_on_volume(const std::u16string& volume);
  std::shared_ptr<management_enumeration> query_diff_areas_for_snapshot(const GUID& snapshot_id);

  void change_diff_area_maximum_size_ex(const std::u16string& volume, const std::u16string& storage,
                                        std::int64_t maximum, bool is_volatile);
  void migrate_diff_areas(const std::u16string& volume, const std::u16string& storage, const std::u16string& to);
  std::shared_ptr<async_operation> query_migration_status(const std::u16string& volume, const std::u16string& storage);
  void set_snapshot_priority(const GUID& snapshot_id, std::uint8_t priority);

  void set_volume_protect_level(const std::u16string& volume, std::int32_t level);
  protection_info get_volume_protect_level(const std::u16string& volume);
  void clear_volume_protect_fault(const std::u16string& volume);
  void delete_unused_diff_areas(const std::u16string& storage);
  delta_bitmap query_snapshot_delta_bitmap(const GUID& older, const GUID& younger);

 private:
  friend class snapshot_management;
  explicit differential_management(const vsspy_platform& platform) : management_object(platform) {}

  template <class Fn>
  HRESULT first(const char* operation, Fn fn);
  template <class Fn>
  HRESULT second(const char* operation, Fn fn);
  template <class Fn>
  HRESULT third(const char* operation, Fn fn);
  template <class Fn>
  std::shared_ptr<management_enumeration> query(const char* operation, Fn fn);
};

class snapshot_management final : public management_object<IVssSnapshotMgmt> {
 public:
  static std::shared_ptr<snapshot_management> open(const vsspy_platform& platform);

  std::shared_ptr<differential_management> get_provider_mgmt_interface(const GUID& provider_id);
  std::shared_ptr<management_enumeration> query_volumes_supported_for_snapshots(const GUID& provider_id,
                                                                                std::int32_t context);
  std::shared_ptr<object_enumeration> query_snapshots_by_volume(const std::u16string& volume, const GUID& provider_id);
  std::int64_t get_min_diff_area_size();

 private:
  explicit snapshot_management(const vsspy_platform& platform) : management_object(platform) {}

  template <class Fn>
  HRESULT first(const char* operation, Fn fn);
};

}  // namespace vsspy::requester
