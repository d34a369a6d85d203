#include "backup_components.h"

#include <array>
#include <utility>

#include "../com/hresult.h"
#include "fields.h"

namespace vsspy::documents {

namespace {

constexpr const char* reading = "read_backup_components";
constexpr const char* writing = "write_backup_components";

// The attributes of each element, in the order in which they are written; all others are kept as they are.
constexpr std::array root_names = {schema::version,     schema::bootable_system_state_backup, schema::select_components,
                                   schema::backup_type, schema::partial_file_support,         schema::snapshot_set_id};
constexpr std::array writer_names = {schema::instance_id, schema::writer_id, schema::instance_name,
                                     schema::backup_schema};
constexpr std::array component_names = {schema::logical_path,
                                        schema::component_name,
                                        schema::component_type,
                                        schema::backup_stamp,
                                        schema::backup_succeeded,
                                        schema::backup_options,
                                        schema::previous_backup_stamp,
                                        schema::prepare_for_backup_failure_message,
                                        schema::post_snapshot_failure_message,
                                        schema::failure,
                                        schema::application_failure,
                                        schema::application_message};
constexpr std::array backup_metadata_names = {schema::metadata};
constexpr std::array partial_file_names = {schema::path, schema::filespec, schema::ranges, schema::metadata};
constexpr std::array differenced_file_names = {schema::path, schema::filespec, schema::recursive,
                                               schema::last_modify_time, schema::lsn};

constexpr std::u16string_view around = schema::backup_components_namespace;

// The children of a component are made without a namespace, as Windows does (vss_xml.md 3.5).
unknown_content read_unknown(const element_reader& element, std::span<const schema::name> known) {
  unknown_content unknown{element.others(known), {}};
  element.children([&](const element_reader& child) { unknown.children.push_back(child.tree(u"")); },
                   [&](xml::node_id child) { unknown.children.push_back(element.tree(child, u"")); });
  return unknown;
}

void read_component_child(const element_reader& element, backup_component& made) {
  if (element.name() == schema::backup_metadata) {
    if (made.backup_metadata) element.refuse("BACKUP_METADATA stands twice");
    made.backup_metadata = element.text(schema::metadata);
    made.unknown_backup_metadata = read_unknown(element, backup_metadata_names);
  } else if (element.name() == schema::partial_file) {
    partial_file& file = made.partial_files.emplace_back();
    file.path = element.text(schema::path);
    file.filespec = element.text(schema::filespec);
    file.ranges = element.optional_text(schema::ranges).value_or(u"");
    file.metadata = element.optional_text(schema::metadata).value_or(u"");
    file.unknown = read_unknown(element, partial_file_names);
  } else if (element.name() == schema::differenced_file) {
    differenced_file& file = made.differenced_files.emplace_back();
    file.path = element.text(schema::path);
    file.filespec = element.text(schema::filespec);
    file.recursive = element.optional_yes_no(schema::recursive).value_or(false);
    file.last_modify_time = element.optional_long_number(schema::last_modify_time).value_or(0);
    file.lsn = element.optional_text(schema::lsn).value_or(u"");
    file.unknown = read_unknown(element, differenced_file_names);
  } else {
    made.other_children.push_back(element.tree(around));
  }
}

backup_component read_component(const element_reader& element) {
  backup_component made;
  made.logical_path = element.optional_text(schema::logical_path);
  made.name = element.text(schema::component_name);
  made.type = element.word<VSS_COMPONENT_TYPE>(schema::component_type, schema::component_type_words);
  made.backup_stamp = element.optional_text(schema::backup_stamp);
  made.backup_succeeded = element.optional_yes_no(schema::backup_succeeded);
  made.backup_options = element.optional_text(schema::backup_options);
  made.previous_backup_stamp = element.optional_text(schema::previous_backup_stamp);
  made.prepare_for_backup_failure_message = element.optional_text(schema::prepare_for_backup_failure_message);
  made.post_snapshot_failure_message = element.optional_text(schema::post_snapshot_failure_message);
  made.failure = element.optional_hresult(schema::failure);
  made.application_failure = element.optional_hresult(schema::application_failure);
  made.application_message = element.optional_text(schema::application_message);
  made.other_attributes = element.others(component_names);
  element.children([&](const element_reader& child) { read_component_child(child, made); },
                   [&](xml::node_id child) { made.other_children.push_back(element.tree(child, around)); });
  return made;
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

void open_child(xml::writer& out, schema::name name) {
  out.open(name);
  out.attribute(u"xmlns", u"");
}

void close_child(xml::writer& out, const unknown_content& unknown) {
  element_writer(out).others(unknown.attributes);
  for (const auto& child : unknown.children) out.raw(child);
  out.close();
}

void write_component(xml::writer& out, const backup_component& component) {
  out.open(schema::component);
  element_writer fields(out);
  fields.optional_text(schema::logical_path, component.logical_path);
  fields.text(schema::component_name, component.name);
  fields.word(schema::component_type, component.type, schema::component_type_words);
  fields.optional_text(schema::backup_stamp, component.backup_stamp);
  if (component.backup_succeeded) fields.yes_no(schema::backup_succeeded, *component.backup_succeeded);
  fields.optional_text(schema::backup_options, component.backup_options);
  fields.optional_text(schema::previous_backup_stamp, component.previous_backup_stamp);
  fields.optional_text(schema::prepare_for_backup_failure_message, component.prepare_for_backup_failure_message);
  fields.optional_text(schema::post_snapshot_failure_message, component.post_snapshot_failure_message);
  fields.hresult(schema::failure, component.failure);
  fields.hresult(schema::application_failure, component.application_failure);
  fields.optional_text(schema::application_message, component.application_message);
  fields.others(component.other_attributes);
  if (component.backup_metadata) {
    open_child(out, schema::backup_metadata);
    fields.text(schema::metadata, *component.backup_metadata);
    close_child(out, component.unknown_backup_metadata);
  }
  for (const partial_file& file : component.partial_files) {
    open_child(out, schema::partial_file);
    fields.text(schema::path, file.path);
    fields.text(schema::filespec, file.filespec);
    fields.text(schema::ranges, file.ranges);
    fields.text(schema::metadata, file.metadata);
    close_child(out, file.unknown);
  }
  for (const differenced_file& file : component.differenced_files) {
    open_child(out, schema::differenced_file);
    fields.text(schema::path, file.path);
    fields.text(schema::filespec, file.filespec);
    fields.yes_no(schema::recursive, file.recursive);
    fields.number(schema::last_modify_time, file.last_modify_time);
    fields.text(schema::lsn, file.lsn);
    close_child(out, file.unknown);
  }
  for (const auto& child : component.other_children) out.raw(child);
  out.close();
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
  fields.others(document.other_attributes);
  for (const writer_components& writer : document.writers) write_writer(out, writer);
  for (const auto& child : document.other_children) out.raw(child);
  out.close();
  return out.take();
}

}  // namespace vsspy::documents
