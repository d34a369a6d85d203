#include "writer_metadata.h"

#include <utility>

#include "../com/hresult.h"
#include "fields.h"

namespace vsspy::documents {

namespace {

constexpr const char* reading = "read_writer_metadata";
constexpr const char* writing = "write_writer_metadata";

// Left out, a value is the default of the writer's own call: not recursive (vss_xml.md 2.5), every backup type
// (semantics 9.5).
file_set read_file_set(const element_reader& element) {
  file_set set;
  set.path = element.text(schema::path);
  set.filespec = element.text(schema::filespec);
  set.recursive = element.optional_yes_no(schema::recursive).value_or(false);
  set.alternate_path = element.optional_text(schema::alternate_path);
  set.backup_type_mask = element.optional_number(schema::filespec_backup_type).value_or(set.backup_type_mask);
  return set;
}

dependency read_dependency(const element_reader& element) {
  return {element.guid(schema::writer_id), element.optional_text(schema::logical_path),
          element.text(schema::component_name)};
}

void ignore(xml::node_id) {}  // elements that are not known stay in the document's text

component_metadata read_component(const element_reader& element) {
  component_metadata made;
  const bool is_database = element.name() == schema::database;
  made.type = is_database ? VSS_CT_DATABASE : VSS_CT_FILEGROUP;
  made.logical_path = element.optional_text(schema::logical_path);
  made.name = element.text(schema::component_name);
  made.caption = element.optional_text(schema::caption);
  made.icon = element.optional_base64(schema::icon);
  made.restore_metadata = element.yes_no(schema::restore_metadata);
  made.notify_on_backup_complete = element.yes_no(schema::notify_on_backup_complete);
  made.selectable = element.yes_no(schema::selectable);
  made.selectable_for_restore =
      element.optional_yes_no(schema::selectable_for_restore).value_or(false);  // semantics 8.4
  made.flags = element.number(schema::component_flags);
  element.children(
      [&](const element_reader& child) {
        const std::u16string_view name = child.name();
        const bool in_group = name == schema::file_list;
        const bool in_database = name == schema::database_files || name == schema::database_logfiles;
        if (in_group || in_database) {
          if (in_database != is_database) {
            child.refuse(child.quoted(name) + " has no place in " + child.quoted(element.name()));
          }
          auto& sets = in_group                         ? made.files
                       : name == schema::database_files ? made.database_files
                                                        : made.database_log_files;
          sets.push_back(read_file_set(child));
        } else if (name == schema::dependency) {
          made.dependencies.push_back(read_dependency(child));
        }
      },
      ignore);
  return made;
}

void read_identification(const element_reader& element, writer_metadata& made) {
  made.writer_id = element.guid(schema::writer_id);
  made.instance_id = element.guid(schema::instance_id);
  made.instance_name = element.optional_text(schema::instance_name);
  made.name = element.text(schema::friendly_name);
  made.usage = element.word<VSS_USAGE_TYPE>(schema::usage, schema::usage_words);
  made.source = element.word<VSS_SOURCE_TYPE>(schema::data_source, schema::data_source_words);
  made.major_version = element.number(schema::major_version);
  made.minor_version = element.number(schema::minor_version);
}

restore_method read_restore_method(const element_reader& element) {
  restore_method made;
  made.method = element.word<VSS_RESTOREMETHOD_ENUM>(schema::method, schema::restore_method_words);
  made.service = element.optional_text(schema::service);
  made.user_procedure = element.optional_text(schema::user_procedure);
  made.writer_restore = element.word<VSS_WRITERRESTORE_ENUM>(schema::writer_restore, schema::writer_restore_words);
  made.reboot_required = element.yes_no(schema::reboot_required);
  element.children(
      [&](const element_reader& child) {
        if (child.name() != schema::alternate_location_mapping) return;
        if (!child.optional_text(schema::alternate_path)) child.refuse("the mapping has no alternatePath");
        made.alternate_location_mappings.push_back(read_file_set(child));
      },
      ignore);
  return made;
}

void read_locations(const element_reader& element, writer_metadata& made) {
  element.children(
      [&](const element_reader& child) {
        const std::u16string_view name = child.name();
        if (name == schema::file_group || name == schema::database) {
          made.components.push_back(read_component(child));
        } else if (name == schema::exclude_files) {
          made.exclude_files.push_back(read_file_set(child));
        } else if (name == schema::exclude_files_from_snapshot) {
          made.exclude_files_from_snapshot.push_back(read_file_set(child));
        }
      },
      ignore);
}

// What an element writes after path and filespec differs from kind to kind.
enum class set_kind { file_list, database, exclusion, mapping };

void write_file_set(xml::writer& out, schema::name name, const file_set& set, set_kind kind) {
  out.open(name);
  element_writer fields(out);
  fields.text(schema::path, set.path);
  fields.text(schema::filespec, set.filespec);
  const bool always_recursive = kind == set_kind::exclusion || kind == set_kind::mapping;
  if (always_recursive || set.recursive) fields.yes_no(schema::recursive, set.recursive);
  fields.optional_text(schema::alternate_path, set.alternate_path);
  const bool always_masked = kind == set_kind::file_list || kind == set_kind::database;
  if (always_masked || set.backup_type_mask != file_set().backup_type_mask) {
    fields.number(schema::filespec_backup_type, set.backup_type_mask);
  }
  out.close();
}

void write_component(xml::writer& out, const component_metadata& component) {
  const bool is_database = component.type == VSS_CT_DATABASE;
  if (!is_database && component.type != VSS_CT_FILEGROUP) {
    throw com::vss_error(VSS_E_INVALID_XML_DOCUMENT, writing, "a component is neither a database nor a file group");
  }
  out.open(is_database ? schema::database : schema::file_group);
  element_writer fields(out);
  fields.optional_text(schema::logical_path, component.logical_path);
  fields.text(schema::component_name, component.name);
  fields.optional_text(schema::caption, component.caption);
  fields.base64(schema::icon, component.icon);
  fields.yes_no(schema::restore_metadata, component.restore_metadata);
  fields.yes_no(schema::notify_on_backup_complete, component.notify_on_backup_complete);
  fields.yes_no(schema::selectable, component.selectable);
  fields.yes_no(schema::selectable_for_restore, component.selectable_for_restore);
  fields.number(schema::component_flags, component.flags);
  if (is_database ? !component.files.empty()
                  : !component.database_files.empty() || !component.database_log_files.empty()) {
    throw com::vss_error(VSS_E_INVALID_XML_DOCUMENT, writing, "a component has file sets of the other type");
  }
  for (const file_set& set : component.files) write_file_set(out, schema::file_list, set, set_kind::file_list);
  for (const file_set& set : component.database_files) {
    write_file_set(out, schema::database_files, set, set_kind::database);
  }
  for (const file_set& set : component.database_log_files) {
    write_file_set(out, schema::database_logfiles, set, set_kind::database);
  }
  for (const dependency& each : component.dependencies) {
    out.open(schema::dependency);
    fields.guid(schema::writer_id, each.writer_id);
    fields.optional_text(schema::logical_path, each.logical_path);
    fields.text(schema::component_name, each.component_name);
    out.close();
  }
  out.close();
}

void write_restore_method(xml::writer& out, const restore_method& restore) {
  out.open(schema::restore_method);
  element_writer fields(out);
  fields.word(schema::method, restore.method, schema::restore_method_words);
  fields.word(schema::writer_restore, restore.writer_restore, schema::writer_restore_words);
  fields.yes_no(schema::reboot_required, restore.reboot_required);
  fields.optional_text(schema::service, restore.service);
  fields.optional_text(schema::user_procedure, restore.user_procedure);
  for (const file_set& set : restore.alternate_location_mappings) {
    write_file_set(out, schema::alternate_location_mapping, set, set_kind::mapping);
  }
  out.close();
}

// Empty locations are not written.
bool has_locations(const writer_metadata& metadata) {
  return !metadata.components.empty() || !metadata.exclude_files.empty() ||
         !metadata.exclude_files_from_snapshot.empty();
}

void write_locations(xml::writer& out, const writer_metadata& metadata) {
  if (!has_locations(metadata)) return;
  out.open(schema::backup_locations);
  for (const component_metadata& component : metadata.components) write_component(out, component);
  for (const file_set& set : metadata.exclude_files) {
    write_file_set(out, schema::exclude_files, set, set_kind::exclusion);
  }
  for (const file_set& set : metadata.exclude_files_from_snapshot) {
    write_file_set(out, schema::exclude_files_from_snapshot, set, set_kind::exclusion);
  }
  out.close();
}

}  // namespace

writer_metadata read_writer_metadata(std::u16string_view text) {
  const xml::document document = xml::parse(text, reading);
  const auto root = element_reader::root(document, schema::writer_metadata, schema::writer_metadata_namespace, reading);
  writer_metadata made;
  made.backup_schema = root.optional_number(schema::backup_schema).value_or(0);
  bool identified = false;
  bool located = false;
  const auto once = [](const element_reader& child, bool seen) {
    if (seen) child.refuse(child.quoted(child.name()) + " stands twice");
  };
  root.children(
      [&](const element_reader& child) {
        if (child.name() == schema::identification) {
          once(child, std::exchange(identified, true));
          read_identification(child, made);
        } else if (child.name() == schema::restore_method) {
          once(child, made.restore.has_value());
          made.restore = read_restore_method(child);
          made.restore_after_locations = located;
        } else if (child.name() == schema::backup_locations) {
          once(child, std::exchange(located, true));
          read_locations(child, made);
        }
      },
      ignore);
  made.restore_after_locations = made.restore_after_locations && has_locations(made);
  if (!identified) root.refuse(root.quoted(schema::identification) + " is missing");
  made.xml = text;
  return made;
}

std::u16string write_writer_metadata(const writer_metadata& metadata) {
  xml::writer out(writing);
  element_writer fields(out);
  out.open(schema::writer_metadata);
  fields.text(u"xmlns", schema::writer_metadata_namespace);
  fields.text(schema::version, schema::document_version);
  if (metadata.backup_schema != 0) fields.number(schema::backup_schema, metadata.backup_schema);
  out.open(schema::identification);
  fields.guid(schema::writer_id, metadata.writer_id);
  fields.guid(schema::instance_id, metadata.instance_id);
  fields.optional_text(schema::instance_name, metadata.instance_name);
  fields.text(schema::friendly_name, metadata.name);
  fields.word(schema::usage, metadata.usage, schema::usage_words);
  fields.word(schema::data_source, metadata.source, schema::data_source_words);
  fields.number(schema::major_version, metadata.major_version);
  fields.number(schema::minor_version, metadata.minor_version);
  out.close();
  if (metadata.restore && !metadata.restore_after_locations) write_restore_method(out, *metadata.restore);
  write_locations(out, metadata);
  if (metadata.restore && metadata.restore_after_locations) write_restore_method(out, *metadata.restore);
  out.close();
  return out.take();
}

}  // namespace vsspy::documents
