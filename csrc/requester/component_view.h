// IVssWriterComponentsExt and IVssComponent to Ex2 as a requester has them: live views of the Backup Components
// Document. Each property is one call, each collection is read whole in one go.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "../documents/writer_metadata.h"
#include "arguments.h"
#include "document_view.h"

namespace vsspy::requester {

struct writer_info {
  GUID instance_id{};
  GUID writer_id{};
};

struct partial_file_info {
  std::u16string path, filename, ranges, metadata;
};

struct differenced_file_info {
  std::u16string path, filespec;
  bool recursive = false;
  optional_text lsn;                   // reserved
  std::uint64_t last_modify_time = 0;  // FILETIME; 0: the requester compares on its own (semantics 10)
};

struct directed_target_info {
  std::u16string source_path, source_filename, source_ranges;
  std::u16string destination_path, destination_filename, destination_ranges;
};

struct restore_subcomponent_info {
  optional_text logical_path;
  std::u16string component_name;
  bool repair = false;  // reserved
};

struct roll_forward_info {
  std::int32_t type = 0;
  optional_text point;
};

struct component_failure_info {
  HRESULT failure = S_OK;
  HRESULT application_failure = S_OK;
  optional_text application_message;
};

class component_view final : public document_view {
 public:
  component_view(std::weak_ptr<session> owner, std::uint64_t generation, com::com_ptr<IVssComponent> object)
      : document_view(std::move(owner), generation), object_(std::move(object)) {}
  ~component_view() override { give_back(ex2_, ex_, object_); }
  void close() noexcept override { give_back(ex2_, ex_, object_); }

  // Nothing is S_FALSE or NULL: not set in the document.
  optional_text logical_path();
  std::int32_t type();
  std::u16string name();
  std::optional<bool> backup_succeeded();
  optional_text backup_metadata();
  bool selected_for_restore();
  std::optional<bool> additional_restores();
  optional_text restore_metadata();
  std::int32_t restore_target();
  optional_text pre_restore_failure_message();
  optional_text post_restore_failure_message();
  optional_text backup_stamp();
  optional_text previous_backup_stamp();
  optional_text backup_options();
  optional_text restore_options();
  std::int32_t file_restore_status();
  optional_text prepare_for_backup_failure_message();
  optional_text post_snapshot_failure_message();
  bool authoritative_restore();
  roll_forward_info roll_forward();
  optional_text restore_name();
  component_failure_info failure();

  std::vector<documents::file_set> alternate_location_mappings();
  std::vector<documents::file_set> new_targets();
  std::vector<partial_file_info> partial_files();
  std::vector<differenced_file_info> differenced_files();
  std::vector<directed_target_info> directed_targets();
  std::vector<restore_subcomponent_info> restore_subcomponents();

  // Writers' own: a requester is told VSS_E_BAD_STATE (semantics 2.5).
  void set_backup_metadata(const std::u16string& data);
  void set_restore_metadata(const std::u16string& data);
  void set_restore_target(std::int32_t target);
  void set_backup_stamp(const std::u16string& stamp);
  void set_pre_restore_failure_message(const std::u16string& message);
  void set_post_restore_failure_message(const std::u16string& message);
  void set_prepare_for_backup_failure_message(const std::u16string& message);
  void set_post_snapshot_failure_message(const std::u16string& message);
  void set_failure(const component_failure_info& failure);
  void add_partial_file(const partial_file_info& file);
  void add_directed_target(const directed_target_info& target);
  void add_differenced_files_by_last_modify_time(const differenced_file_info& files);
  void add_differenced_files_by_last_modify_lsn(const differenced_file_info& files);

 private:
  // fn(interface): the HRESULT of one call, checked. Interface is IVssComponent, Ex or Ex2; the later ones throw
  // E_NOINTERFACE with their name where the system does not have them, which is asked once.
  template <class Interface, class Fn, class... Arguments>
  HRESULT call(const char* operation, Fn fn, const Arguments&... arguments);
  template <class Interface>
  Interface& as(const char* operation);
  template <class Interface>
  optional_text text(const char* operation, HRESULT (STDMETHODCALLTYPE Interface::*get)(BSTR*));
  template <class Interface>
  void set_text(const char* operation, HRESULT (STDMETHODCALLTYPE Interface::*set)(LPCWSTR), const std::u16string& text,
                const char* name, const char* parameter);
  template <class Interface, class Value>
  std::optional<Value> value(const char* operation, HRESULT (STDMETHODCALLTYPE Interface::*get)(Value*));
  template <class Item, class Read>
  std::vector<Item> collection(const char* operation, HRESULT (STDMETHODCALLTYPE IVssComponent::*count)(UINT*),
                               Read read);
  std::vector<documents::file_set> file_sets(const char* count_operation,
                                             HRESULT (STDMETHODCALLTYPE IVssComponent::*count)(UINT*),
                                             const char* operation, const char* index_name,
                                             HRESULT (STDMETHODCALLTYPE IVssComponent::*get)(UINT, IVssWMFiledesc**));

  com::com_ptr<IVssComponent> object_;
  com::com_ptr<IVssComponentEx> ex_;
  com::com_ptr<IVssComponentEx2> ex2_;
};

class writer_components_view final : public document_view {
 public:
  writer_components_view(std::weak_ptr<session> owner, std::uint64_t generation,
                         com::com_ptr<IVssWriterComponentsExt> object)
      : document_view(std::move(owner), generation), object_(std::move(object)) {}
  ~writer_components_view() override { give_back(object_); }
  void close() noexcept override { give_back(object_); }

  writer_info info();
  std::vector<std::shared_ptr<component_view>> components();

 private:
  com::com_ptr<IVssWriterComponentsExt> object_;
};

}  // namespace vsspy::requester
