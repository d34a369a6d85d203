#include "backup_components.h"

#include <array>
#include <concepts>
#include <type_traits>
#include <utility>

#include "../com/hresult.h"
#include "../com/text.h"
#include "fields.h"
#include "xml_characters.h"

namespace vsspy::documents {

namespace {

constexpr const char* reading = "read_backup_components";
constexpr const char* writing = "write_backup_components";

// The attributes of each element, in the order in which they are written; all others are kept as they are.
constexpr std::array root_names = {schema::version,     schema::bootable_system_state_backup, schema::select_components,
                                   schema::backup_type, schema::partial_file_support,         schema::snapshot_set_id,
                                   schema::restore_type};
constexpr std::array writer_names = {schema::instance_id, schema::writer_id, schema::instance_name,
                                     schema::backup_schema};
constexpr std::u16string_view around = schema::backup_components_namespace;

// The children of a component are made without a namespace, as Windows does (vss_xml.md 3.5).
unknown_content read_unknown(const element_reader& element, std::span<const schema::name> known) {
  unknown_content unknown{element.others(known), {}};
  element.children([&](const element_reader& child) { unknown.children.push_back(child.tree(u"")); },
                   [&](xml::node_id child) { unknown.children.push_back(element.tree(child, u"")); });
  return unknown;
}

// An element's attributes are listed once, for the two that follow: in the order in which they are written.
class attribute_reader {
 public:
  explicit attribute_reader(const element_reader& element) : element_(element) {}

  void text(schema::name name, std::u16string& value) { value = element_.text(known(name)); }
  void text_or_empty(schema::name name, std::u16string& value) {
    value = element_.optional_text(known(name)).value_or(u"");
  }
  void yes_no_or_no(schema::name name, bool& value) { value = element_.optional_yes_no(known(name)).value_or(false); }
  void number_or_zero(schema::name name, std::uint64_t& value) {
    value = element_.optional_long_number(known(name)).value_or(0);
  }
  template <typename Enum>
  void word(schema::name name, Enum& value, std::span<const schema::word> words) {
    value = element_.word<Enum>(known(name), words);
  }
  void optional(schema::name name, std::optional<std::u16string>& value) {
    value = element_.optional_text(known(name));
  }
  void optional(schema::name name, std::optional<bool>& value) { value = element_.optional_yes_no(known(name)); }
  void optional(schema::name name, std::optional<HRESULT>& value) { value = element_.optional_hresult(known(name)); }
  void optional(schema::name name, std::optional<GUID>& value) { value = element_.optional_guid(known(name)); }
  template <typename Enum>
  void optional(schema::name name, std::optional<Enum>& value, std::span<const schema::word> words) {
    value = element_.optional_word<Enum>(known(name), words);
  }

  std::span<const schema::name> all_known() const { return known_; }

 private:
  schema::name known(schema::name name) { return known_.emplace_back(name); }

  const element_reader& element_;
  std::vector<schema::name> known_;
};

class attribute_writer {
 public:
  explicit attribute_writer(xml::writer& out) : fields_(out) {}

  void text(schema::name name, const std::u16string& value) { fields_.text(name, value); }
  void text_or_empty(schema::name name, const std::u16string& value) { fields_.text(name, value); }
  void yes_no_or_no(schema::name name, bool value) { fields_.yes_no(name, value); }
  void number_or_zero(schema::name name, std::uint64_t value) { fields_.number(name, value); }
  void word(schema::name name, int value, std::span<const schema::word> words) { fields_.word(name, value, words); }
  void optional(schema::name name, const std::optional<std::u16string>& value) { fields_.optional_text(name, value); }
  void optional(schema::name name, const std::optional<bool>& value) {
    if (value) fields_.yes_no(name, *value);
  }
  void optional(schema::name name, const std::optional<HRESULT>& value) { fields_.hresult(name, value); }
  void optional(schema::name name, const std::optional<GUID>& value) {
    if (value) fields_.guid(name, *value);
  }
  template <typename Enum>
  void optional(schema::name name, const std::optional<Enum>& value, std::span<const schema::word> words) {
    if (value) fields_.word(name, *value, words);
  }

 private:
  element_writer fields_;
};

// `Of` is the type named, const where it is written.
template <typename Of, typename Plain>
concept either = std::same_as<std::remove_const_t<Of>, Plain>;

void attributes(auto& each, either<writer_data> auto& data) { each.text(schema::metadata, data.metadata); }

void attributes(auto& each, either<partial_file> auto& file) {
  each.text(schema::path, file.path);
  each.text(schema::filespec, file.filespec);
  each.text_or_empty(schema::ranges, file.ranges);
  each.text_or_empty(schema::metadata, file.metadata);
}

void attributes(auto& each, either<differenced_file> auto& file) {
  each.text(schema::path, file.path);
  each.text(schema::filespec, file.filespec);
  each.yes_no_or_no(schema::recursive, file.recursive);
  each.number_or_zero(schema::last_modify_time, file.last_modify_time);
  each.text_or_empty(schema::lsn, file.lsn);
}

void attributes(auto& each, either<moved_files> auto& files) {
  each.text(schema::path, files.path);
  each.text(schema::filespec, files.filespec);
  each.yes_no_or_no(schema::recursive, files.recursive);
  each.text(schema::alternate_path, files.alternate_path);
}

void attributes(auto& each, either<directed_target> auto& target) {
  each.text(schema::source_path, target.source_path);
  each.text(schema::source_filespec, target.source_filespec);
  each.text_or_empty(schema::source_ranges, target.source_ranges);
  each.text(schema::target_path, target.target_path);
  each.text(schema::target_filespec, target.target_filespec);
  each.text_or_empty(schema::target_ranges, target.target_ranges);
}

void attributes(auto& each, either<restore_subcomponent> auto& sub) {
  each.text_or_empty(schema::logical_path, sub.logical_path);
  each.text(schema::component_name, sub.name);
  each.yes_no_or_no(schema::repair, sub.repair);
}

void attributes(auto& each, either<backup_component> auto& component) {
  each.optional(schema::logical_path, component.logical_path);
  each.text(schema::component_name, component.name);
  each.word(schema::component_type, component.type, schema::component_type_words);
  each.optional(schema::backup_stamp, component.backup_stamp);
  each.optional(schema::backup_succeeded, component.backup_succeeded);
  each.optional(schema::backup_options, component.backup_options);
  each.optional(schema::previous_backup_stamp, component.previous_backup_stamp);
  each.optional(schema::selected_for_restore, component.selected_for_restore);
  each.optional(schema::restore_options, component.restore_options);
  each.optional(schema::additional_restores, component.additional_restores);
  each.optional(schema::restore_target, component.restore_target, schema::restore_target_words);
  each.optional(schema::file_restore_status, component.file_restore_status, schema::file_restore_status_words);
  each.optional(schema::prepare_for_backup_failure_message, component.prepare_for_backup_failure_message);
  each.optional(schema::post_snapshot_failure_message, component.post_snapshot_failure_message);
  each.optional(schema::pre_restore_failure_message, component.pre_restore_failure_message);
  each.optional(schema::post_restore_failure_message, component.post_restore_failure_message);
  each.optional(schema::authoritative_restore, component.authoritative_restore);
  each.optional(schema::roll_forward_type, component.roll_forward_type, schema::roll_forward_words);
  each.optional(schema::roll_forward_point, component.roll_forward_point);
  each.optional(schema::restore_name, component.restore_name);
  each.optional(schema::failure, component.failure);
  each.optional(schema::application_failure, component.application_failure);
  each.optional(schema::application_message, component.application_message);
  each.optional(schema::restore_instance_id, component.restore_instance_id);
}

// A component's children, in the order in which they are written. `data` stands once at most, `list` any number of
// times.
void children(auto& each, either<backup_component> auto& component) {
  each.data(schema::backup_metadata, component.backup_metadata);
  each.data(schema::restore_metadata_element, component.restore_metadata);
  each.list(schema::partial_file, component.partial_files);
  each.list(schema::differenced_file, component.differenced_files);
  each.list(schema::alternate_location_mapping, component.alternate_location_mappings);
  each.list(schema::new_target, component.new_targets);
  each.list(schema::directed_target, component.directed_targets);
  each.list(schema::restore_subcomponent, component.restore_subcomponents);
}

class child_reader {
 public:
  explicit child_reader(const element_reader& element) : element_(element) {}

  void data(schema::name name, std::optional<writer_data>& data) {
    if (element_.name() != name) return;
    if (data) element_.refuse(com::to_utf8(name) + " stands twice");
    read(data.emplace());
  }
  template <typename Child>
  void list(schema::name name, std::vector<Child>& children) {
    if (element_.name() == name) read(children.emplace_back());
  }
  bool is_known() const { return known_; }

 private:
  template <typename Child>
  void read(Child& child) {
    attribute_reader reader(element_);
    attributes(reader, child);
    child.unknown = read_unknown(element_, reader.all_known());
    known_ = true;
  }

  const element_reader& element_;
  bool known_ = false;
};

class child_writer {
 public:
  explicit child_writer(xml::writer& out) : out_(out) {}

  void data(schema::name name, const std::optional<writer_data>& data) {
    if (data) write(name, *data);
  }
  template <typename Child>
  void list(schema::name name, const std::vector<Child>& children) {
    for (const Child& child : children) write(name, child);
  }

 private:
  template <typename Child>
  void write(schema::name name, const Child& child) {
    out_.open(name);
    out_.attribute(u"xmlns", u"");
    attribute_writer writer(out_);
    attributes(writer, child);
    element_writer(out_).others(child.unknown.attributes);
    for (const auto& inside : child.unknown.children) out_.raw(inside);
    out_.close();
  }

  xml::writer& out_;
};

backup_component read_component(const element_reader& element) {
  backup_component made;
  attribute_reader reader(element);
  attributes(reader, made);
  made.other_attributes = element.others(reader.all_known());
  element.children(
      [&](const element_reader& child) {
        child_reader known(child);
        children(known, made);
        if (!known.is_known()) made.other_children.push_back(child.tree(around));
      },
      [&](xml::node_id child) { made.other_children.push_back(element.tree(child, around)); });
  return made;
}

void write_component(xml::writer& out, const backup_component& component) {
  out.open(schema::component);
  attribute_writer writer(out);
  attributes(writer, component);
  element_writer(out).others(component.other_attributes);
  child_writer known(out);
  children(known, component);
  for (const auto& child : component.other_children) out.raw(child);
  out.close();
}

writer_components read_writer(const element_reader& element) {
  writer_components made;
  made.instance_id = element.guid(schema::instance_id);
  made.writer_id = element.guid(schema::writer_id);
  made.instance_name = element.optional_text(schema::instance_name);
  made.backup_schema = element.number(schema::backup_schema);
  made.repeats_namespace = element.declares_default_namespace();
  made.other_attributes = element.others(writer_names);
  element.children(
      [&](const element_reader& child) {
        if (child.name() == schema::component) {
          made.components.push_back(read_component(child));
        } else {
          made.other_children.push_back(child.tree(around));
        }
      },
      [&](xml::node_id child) { made.other_children.push_back(element.tree(child, around)); });
  return made;
}

void write_writer(xml::writer& out, const writer_components& writer) {
  out.open(schema::writer_components);
  element_writer fields(out);
  if (writer.repeats_namespace) fields.text(u"xmlns", schema::backup_components_namespace);
  fields.guid(schema::instance_id, writer.instance_id);
  fields.guid(schema::writer_id, writer.writer_id);
  fields.optional_text(schema::instance_name, writer.instance_name);
  fields.number(schema::backup_schema, writer.backup_schema);
  fields.others(writer.other_attributes);
  for (const backup_component& component : writer.components) write_component(out, component);
  for (const auto& child : writer.other_children) out.raw(child);
  out.close();
}

}  // namespace

bool is_storable(std::u16string_view text) noexcept {
  for (std::size_t at = 0; at < text.size();) {
    const xml::character each = xml::character_at(text, at);
    if (!xml::is_character(each.value)) return false;
    at += each.units;
  }
  return true;
}

backup_components read_backup_components(std::u16string_view text) {
  const xml::document document = xml::parse(text, reading);
  const auto root =
      element_reader::root(document, schema::backup_components, schema::backup_components_namespace, reading);
  backup_components made;
  made.bootable_system_state = root.yes_no(schema::bootable_system_state_backup);
  made.select_components = root.yes_no(schema::select_components);
  made.backup_type = root.word<VSS_BACKUP_TYPE>(schema::backup_type, schema::backup_type_words);
  made.partial_file_support = root.yes_no(schema::partial_file_support);
  made.snapshot_set_id = root.optional_guid(schema::snapshot_set_id);
  made.restore_type = root.optional_word<VSS_RESTORE_TYPE>(schema::restore_type, schema::restore_type_words)
                          .value_or(VSS_RTYPE_UNDEFINED);
  made.other_attributes = root.others(root_names);
  root.children(
      [&](const element_reader& child) {
        if (child.name() == schema::writer_components) {
          made.writers.push_back(read_writer(child));
        } else {
          made.other_children.push_back(child.tree(around));
        }
      },
      [&](xml::node_id child) { made.other_children.push_back(root.tree(child, around)); });
  return made;
}

std::u16string write_backup_components(const backup_components& document) {
  xml::writer out(writing);
  element_writer fields(out);
  out.open(schema::backup_components);
  fields.text(u"xmlns", schema::backup_components_namespace);
  fields.text(schema::version, schema::document_version);
  fields.yes_no(schema::bootable_system_state_backup, document.bootable_system_state);
  fields.yes_no(schema::select_components, document.select_components);
  fields.word(schema::backup_type, document.backup_type, schema::backup_type_words);
  fields.yes_no(schema::partial_file_support, document.partial_file_support);
  if (document.snapshot_set_id) fields.guid(schema::snapshot_set_id, *document.snapshot_set_id);
  if (document.restore_type != VSS_RTYPE_UNDEFINED) {
    fields.word(schema::restore_type, document.restore_type, schema::restore_type_words);
  }
  fields.others(document.other_attributes);
  for (const writer_components& writer : document.writers) write_writer(out, writer);
  for (const auto& child : document.other_children) out.raw(child);
  out.close();
  return out.take();
}

}  // namespace vsspy::documents
