#include "machine_folder.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <sstream>
#include <system_error>

#include "../com/hresult.h"
#include "../documents/writer_metadata.h"
#include "../documents/xml.h"
#include "folder_values.h"
#include "plain_server.h"

namespace vsspy::simulator {

namespace {

using namespace folder_values;
namespace xml = documents::xml;

constexpr const char* operation = "machine folder";
constexpr const char* file_name = "machine.xml";
constexpr std::uintmax_t max_file = 64 * 1024 * 1024;

// What machine.xml may hold: a row for each attribute of each element.
constexpr attribute<machine_settings> machine_attributes[] = {
    row<&machine_settings::level>("level"),
    row<&machine_settings::device_names>("device_names"),
    row<&machine_settings::hardware_provider>("hardware_provider"),
    row<&machine_settings::virtual_time>("virtual_time"),
    row<&machine_settings::strict_components>("strict_components"),
    row<&machine_settings::components_until>("components_until"),
    row<&machine_settings::minimum_storage>("minimum_storage"),
    row<&machine_settings::state>("state"),
};
constexpr attribute<volume_settings> volume_attributes[] = {
    row<&volume_settings::name>("name", true),
    row<&volume_settings::folder>("folder", true),
    row<&volume_settings::total_space>("total_space"),
    row<&volume_settings::free_space>("free_space"),
    row<&volume_settings::ntfs>("ntfs"),
};
constexpr attribute<variable_settings> variable_attributes[] = {
    row<&variable_settings::name>("name", true),
    row<&variable_settings::value>("value", true),
};
constexpr attribute<writer_settings> writer_attributes[] = {
    row<&writer_settings::document>("document", true),
    row<&writer_settings::level>("level"),
    row<&writer_settings::freeze_timeout>("freeze_timeout"),
    row<&writer_settings::subscription>("subscription"),
};
constexpr attribute<fault_settings> fault_attributes[] = {
    row<&fault_settings::where>("where", true),
    row<&fault_settings::code>("code"),
    row<&fault_settings::nth>("nth"),
    row<&fault_settings::delay>("delay"),
    row<&fault_settings::place>("at"),
    row<&fault_settings::effect>("effect"),
    row<&fault_settings::volume>("volume"),
    row<&fault_settings::probability>("probability"),
    row<&fault_settings::seed>("seed"),
    row<&fault_settings::dies>("dies"),
    row<&fault_settings::application>("application"),
    row<&fault_settings::message>("message"),
};
constexpr attribute<blocking_settings> blocking_attributes[] = {
    row<&blocking_settings::writer_id>("writer_id", true),
};

std::string read_file(const std::filesystem::path& path, const std::string& what_to_do) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw com::vss_error(VSS_E_OBJECT_NOT_FOUND, operation, path_text(path) + " does not exist; " + what_to_do);
  }
  if (!error && status.type() != std::filesystem::file_type::regular) {
    throw com::vss_error(VSS_E_OBJECT_NOT_FOUND, operation, path_text(path) + " is not a file; " + what_to_do);
  }
  std::ifstream file(path, std::ios::binary);
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (!file || error) {
    throw com::vss_error(E_ACCESSDENIED, operation, path_text(path) + " cannot be read; look at its permissions");
  }
  if (size > max_file) throw com::vss_error(VSS_E_INVALID_XML_DOCUMENT, operation, path_text(path) + " is too long");
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

std::u16string read_text(const std::filesystem::path& path, const std::string& what_to_do) {
  try {
    return xml::decode_document(read_file(path, what_to_do), operation);
  } catch (const com::vss_error& error) {
    if (error.hresult() != VSS_E_INVALID_XML_DOCUMENT) throw;
    throw com::vss_error(error.hresult(), operation, path_text(path) + ": " + error.detail());
  }
}

// The API wants the final separator; people leave it out.
std::string volume_name(const std::string& name) {
  if (name.ends_with('\\') || name.ends_with('/')) return name;
  const bool is_drive = name.size() == 2 && name[1] == ':';
  if (is_drive || name.find('\\') != name.npos) return name + "\\";
  if (name.starts_with('/')) return name + "/";
  throw refusal{"is neither a Windows volume (C:\\) nor a mount point (/srv/)"};
}

const known::method* find_method(std::string_view name) {
  const auto* found = std::ranges::find(known::methods, name, &known::method::name);
  return found == std::end(known::methods) ? nullptr : found;
}

bool is_result_only(const fault_settings& fault) {
  return fault.code && std::ranges::any_of(known::result_only, [&](const known::result_only_code& each) {
           return each.method == fault.where && each.code == fault.code->name;
         });
}

constexpr std::string_view status_place = "Status";  // where a writer is asked for its status

// Whether `where` is an event of a writer; throws where it is no place at all.
bool is_of_writer(const std::string& where, const known::method* method) {
  if (method || where == "CoCreateInstance" || where == "CoInitializeSecurity") return false;
  const std::size_t separator = where.rfind("::");
  const bool has_owner = separator != 0 && separator != where.npos;
  const std::string event = has_owner ? where.substr(separator + 2) : "";
  const std::string prefix = has_owner ? where.substr(0, separator + 2) : "";
  const bool is_event = event == status_place ||
                        std::ranges::find(vsspy_event_names, std::string_view(event)) != std::end(vsspy_event_names);
  const bool is_interface =
      std::ranges::any_of(known::methods, [&](const known::method& each) { return each.name.starts_with(prefix); });
  if (!has_owner || !is_event || is_interface) {
    throw refusal{"where=\"" + where +
                  "\" is neither a method by the interface that declares it (IVssBackupComponents::DoSnapshotSet) nor "
                  "an event of a writer (SqlServerWriter::Freeze)"};
  }
  return true;
}

// What a fault cannot be; the rules are those of vsspy.simulator.Fault.
void check_fault(const fault_settings& fault) {
  const known::method* method = find_method(fault.where);
  const bool of_writer = is_of_writer(fault.where, method);
  const auto demand = [](bool is_good, const std::string& why) {
    if (!is_good) throw refusal{why};
  };
  demand(fault.code || fault.delay.nanoseconds != 0 || fault.dies, "needs a code or a delay, or a writer that dies");
  demand(fault.nth != 0U, "nth=\"0\": calls are counted from 1");
  demand(fault.place != folder_place::result || (method && method->is_asynchronous),
         "at=\"result\": " + fault.where + " is not asynchronous, it has no result but the call's");
  demand(fault.place != folder_place::call || !is_result_only(fault),
         "at=\"call\": " + fault.where + " never returns this code itself, it is the result of its operation");
  demand(!fault.probability || (*fault.probability > 0 && *fault.probability <= 1),
         "a probability is above 0, and 1 at most");
  demand(fault.probability.has_value() == fault.seed.has_value(), "a probability and a seed go together");
  demand(!fault.probability || !fault.nth, "a call suffers by its number or with a probability, not both");
  demand(!fault.dies || (of_writer && !fault.code), "only a writer dies, in one of its events, and gives no code then");
  demand((!fault.application && !fault.message) || (of_writer && fault.code),
         "application and message go with a code in a writer's event");
}

// How an error of the control table comes back.
struct told {
  std::string message;
  vsspy_complaint complaint{
      this, [](void* user, vsspy_text text) { static_cast<told*>(user)->message.assign(text.data, text.size); }};
};

vsspy_text text_of(std::string_view text) { return {text.data(), text.size()}; }

vsspy_text optional_text_of(const std::optional<std::string>& text) { return text ? text_of(*text) : vsspy_text{}; }

std::filesystem::path absolute_folder(const std::filesystem::path& folder) {
  std::filesystem::path path = std::filesystem::absolute(folder).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

// WM2.xml comes before WM10.xml.
std::vector<std::pair<std::uint64_t, std::u16string>> natural_order(const std::filesystem::path& file) {
  std::vector<std::pair<std::uint64_t, std::u16string>> parts;
  const std::u16string name = com::to_utf16(path_text(file.filename()));
  const auto is_digit = [](char16_t unit) { return unit >= u'0' && unit <= u'9'; };
  for (std::size_t at = 0; at < name.size();) {
    if (is_digit(name[at])) {
      std::uint64_t number = 0;
      while (at < name.size() && is_digit(name[at])) number = number * 10 + (name[at++] - u'0');
      parts.emplace_back(number + 1, u"");
    } else {
      const auto end = std::find_if(name.begin() + static_cast<std::ptrdiff_t>(at), name.end(), is_digit);
      parts.emplace_back(0, std::u16string(name.begin() + static_cast<std::ptrdiff_t>(at), end));
      at = static_cast<std::size_t>(end - name.begin());
    }
  }
  return parts;
}

bool has(std::u16string_view text, std::u16string_view part) { return text.find(part) != text.npos; }

}  // namespace

// Fills a machine_folder from the elements of machine.xml.
class machine_folder_reader {
 public:
  machine_folder_reader(machine_folder& into, const xml::document& document) : into_(into), document_(document) {}

  void read() {
    const xml::node& root = document_.nodes[0];
    if (root.name != u"machine") into_.refuse(0, "the root element is " + quoted(root.name) + ", not 'machine'");
    fill(root, into_.machine_, machine_attributes, true);
    for (xml::node_id id = root.first_child; id != xml::none; id = document_.nodes[id].next) {
      group(document_.nodes[id], root);
    }
  }

 private:
  static std::string quoted(std::u16string_view name) { return "'" + com::to_utf8(name.substr(0, 80)) + "'"; }
  std::size_t place(std::u16string_view text) const {
    return static_cast<std::size_t>(text.data() - document_.source.data());
  }
  // A text with references in it does not stand in the source: then it is where the element around it begins.
  std::size_t place(const xml::node& node, const xml::node& around) const {
    const char16_t* const begin = document_.source.data();
    const std::less<> before;
    const bool stands = !before(node.text.data(), begin) && before(node.text.data(), begin + document_.source.size());
    return place(stands ? node.text : around.text);
  }

  void group(const xml::node& node, const xml::node& root) {
    if (node.is_text()) into_.refuse(place(node, root), "text between the elements; take it out");
    if (node.name == u"volumes") {
      items(node, u"volume", into_.volumes_, volume_attributes,
            [](volume_settings& volume) { volume.name = volume_name(volume.name); });
    } else if (node.name == u"environment") {
      has_environment_ = true;
      items(node, u"variable", into_.environment_, variable_attributes, [](variable_settings&) {});
    } else if (node.name == u"writers") {
      items(node, u"writer", into_.writers_, writer_attributes, [](writer_settings& writer) {
        if (writer.freeze_timeout.nanoseconds <= 0) throw refusal{"freeze_timeout is a number of seconds above 0"};
      });
    } else if (node.name == u"faults") {
      items(node, u"fault", into_.faults_, fault_attributes, check_fault);
    } else if (node.name == u"writers_blocking_revert") {
      items(node, u"writer_class", into_.blocking_, blocking_attributes, [](blocking_settings&) {});
    } else {
      into_.refuse(place(node.text), quoted(node.name) +
                                         " is not known in 'machine', which has volumes, environment, writers, faults "
                                         "and writers_blocking_revert");
    }
  }

  template <class Settings, std::size_t Count, class Check>
  void items(const xml::node& group, std::u16string_view name, std::vector<Settings>& list,
             const attribute<Settings> (&attributes)[Count], Check&& check) {
    if (group.attribute_count) {
      into_.refuse(place(document_.attributes[group.first_attribute].name), quoted(group.name) + " has no attributes");
    }
    for (xml::node_id id = group.first_child; id != xml::none; id = document_.nodes[id].next) {
      const xml::node& node = document_.nodes[id];
      if (node.name != name) {
        into_.refuse(place(node, group), quoted(group.name) + " holds elements named " + quoted(name) + " only");
      }
      if (node.first_child != xml::none) into_.refuse(place(node.text), quoted(name) + " has attributes only");
      Settings settings;
      settings.at = place(node.text);
      fill(node, settings, attributes, false);
      try {
        check(settings);
      } catch (const refusal& refused) {
        into_.refuse(settings.at, quoted(name) + ": " + refused.what());
      }
      list.push_back(std::move(settings));
    }
  }

  template <class Settings, std::size_t Count>
  void fill(const xml::node& node, Settings& settings, const attribute<Settings> (&attributes)[Count], bool is_root) {
    const auto* begin = document_.attributes.data() + node.first_attribute;
    const std::span<const xml::attribute> found(begin, node.attribute_count);
    for (const xml::attribute& each : found) {
      if (is_root && each.name == u"version") {
        if (each.value != u"1") into_.refuse(place(each.name), "version: this vsspy reads version 1");
        continue;
      }
      const std::string name = com::to_utf8(each.name);
      const auto* known = std::ranges::find(attributes, name, [](const auto& row) { return row.name; });
      if (known == std::end(attributes)) unknown(node, name, place(each.name), attributes);
      try {
        known->read({com::to_utf8(each.value), into_.folder_}, settings);
      } catch (const refusal& refused) {
        into_.refuse(place(each.name), name + "=\"" + com::to_utf8(each.value.substr(0, 80)) + "\" " + refused.what());
      }
    }
    for (const attribute<Settings>& each : attributes) {
      const auto is_this = [&](const xml::attribute& one) { return com::to_utf8(one.name) == each.name; };
      if (each.is_required && std::ranges::none_of(found, is_this)) {
        into_.refuse(place(node.text), quoted(node.name) + " needs the attribute " + each.name);
      }
    }
  }

  template <class Settings, std::size_t Count>
  [[noreturn]] void unknown(const xml::node& node, const std::string& name, std::size_t at,
                            const attribute<Settings> (&attributes)[Count]) {
    std::string all;
    for (const attribute<Settings>& each : attributes) all += (all.empty() ? "" : ", ") + std::string(each.name);
    into_.refuse(at, quoted(node.name) + " has no attribute " + name + "; there are " + all);
  }

  machine_folder& into_;
  const xml::document& document_;

 public:
  bool has_environment_ = false;
};

machine_folder::machine_folder(const std::filesystem::path& folder) : folder_(absolute_folder(folder)) {
  machine_.state = folder_ / "state";
  const std::filesystem::path file = folder_ / file_name;
  source_ = read_text(file, "a machine folder has that file: `vsspy simulator init` writes one");
  xml::document document;
  try {
    document = xml::parse(source_, operation);
  } catch (const com::vss_error& error) {
    throw com::vss_error(error.hresult(), operation, path_text(file) + ": " + error.detail());
  }
  machine_folder_reader reader(*this, document);
  reader.read();
  if (!reader.has_environment_) {
    for (const auto& [name, value] : plain_server) environment_.push_back({0, std::string(name), std::string(value)});
  }
  if (writers_.empty()) find_writers();
  for (writer_settings& each : writers_) {
    if (each.metadata.empty()) read_document(each);
  }
  for (const volume_settings& each : volumes_) {
    std::error_code ignored;
    if (!std::filesystem::is_directory(each.folder, ignored)) {
      refuse(each.at, path_text(each.folder) + " is not a folder; make it, or correct folder=", VSS_E_OBJECT_NOT_FOUND);
    }
  }
}

void machine_folder::refuse(std::size_t at, const std::string& what, HRESULT code) const {
  const auto line = 1 + std::count(source_.begin(), source_.begin() + static_cast<std::ptrdiff_t>(at), u'\n');
  throw com::vss_error(code, operation,
                       path_text(folder_ / file_name) + ": line " + std::to_string(line) + ": " + what);
}

// Without a list of writers it is every Writer Metadata Document in FOLDER/writers. What a capture has beside them (a
// Backup Components Document, a manifest) is passed over.
void machine_folder::find_writers() {
  const std::filesystem::path folder = folder_ / "writers";
  std::error_code error;
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator each(folder, error), end; !error && each != end; each.increment(error)) {
    std::string suffix = path_text(each->path().extension());
    std::ranges::transform(suffix, suffix.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
    if (suffix == ".xml") files.push_back(each->path());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    throw com::vss_error(E_ACCESSDENIED, operation, path_text(folder) + " cannot be read; look at its permissions");
  }
  std::ranges::sort(files);
  std::ranges::stable_sort(files, {}, natural_order);
  for (const std::filesystem::path& file : files) {
    const std::u16string text = read_text(file, "");
    const bool is_other = has(text, u"<BACKUP_COMPONENTS") || has(text, u"<Manifest");
    if (!has(text, u"<WRITER_METADATA") && is_other) continue;
    writers_.push_back({.document = file});
  }
}

void machine_folder::read_document(writer_settings& writer) const {
  try {
    const std::u16string text = read_text(writer.document, "correct document=");
    documents::read_writer_metadata(text);
    writer.metadata = com::to_utf8(text);
  } catch (const com::vss_error& error) {
    const bool names_file = error.operation() == operation;
    const std::string what = names_file ? error.detail() : path_text(writer.document) + ": " + error.detail();
    if (!writer.at) throw com::vss_error(error.hresult(), operation, what);
    refuse(writer.at, what, error.hresult());
  }
}

vsspy_machine* machine_folder::open() const {
  const vsspy_simulator_control& table = *vsspy_simulator_control_table();
  told told;
  const std::string state = path_text(machine_.state);
  const std::string running = path_text(machine_.state / "running");
  const vsspy_machine_options options{.state_root = text_of(running),
                                      .level = static_cast<std::uint32_t>(machine_.level),
                                      .global_device_names = static_cast<std::uint32_t>(machine_.device_names),
                                      .hardware_provider = static_cast<std::uint32_t>(machine_.hardware_provider),
                                      .virtual_time = machine_.virtual_time,
                                      .persistent_state = text_of(state),
                                      .strict_components = machine_.strict_components,
                                      .components_until = static_cast<std::uint32_t>(machine_.components_until)};
  vsspy_machine* made = nullptr;
  const HRESULT hr = table.create(&options, &made, &told.complaint);
  if (FAILED(hr)) throw com::vss_error(hr, operation, told.message);
  struct closing {
    const vsspy_simulator_control& table;
    vsspy_machine* machine;
    ~closing() { table.destroy(machine); }  // NULL: it is the caller's
  } guard{table, made};

  const auto check = [&](std::size_t at, HRESULT result) {
    if (FAILED(result)) refuse(at, told.message.empty() ? "was refused" : told.message, result);
  };
  for (const volume_settings& each : volumes_) {
    const std::string folder = path_text(each.folder);
    check(each.at, table.add_volume(made, text_of(each.name), text_of(folder), &told.complaint));
    if (!each.total_space && !each.free_space && !each.ntfs) continue;
    const vsspy_volume_qualities qualities{.total = static_cast<std::int64_t>(each.total_space.value_or(-1)),
                                           .free = static_cast<std::int64_t>(each.free_space.value_or(-1)),
                                           .ntfs = each.ntfs.value_or(true)};
    check(each.at, table.set_volume_qualities(made, text_of(each.name), &qualities));
  }
  if (machine_.minimum_storage) {
    check(0, table.set_minimum_storage(made, static_cast<std::uint32_t>(*machine_.minimum_storage)));
  }
  for (const variable_settings& each : environment_) {
    check(each.at, table.set_environment(made, text_of(each.name), text_of(each.value)));
  }
  for (const blocking_settings& each : blocking_) check(each.at, table.block_revert(made, &each.writer_id));
  for (const writer_settings& each : writers_) {
    const vsspy_writer writer{.metadata = text_of(each.metadata),
                              .level = static_cast<std::int32_t>(each.level),
                              .freeze_timeout = static_cast<std::uint64_t>(each.freeze_timeout.nanoseconds),
                              .events = 0,
                              .user = nullptr,
                              .on_event = nullptr,
                              .release = nullptr,
                              .subscription = each.subscription.mask};
    check(each.at, table.add_writer(made, &writer, &told.complaint));
  }
  for (const fault_settings& each : faults_) {
    const folder_place place = each.place.value_or(is_result_only(each) ? folder_place::result : folder_place::call);
    const vsspy_fault fault{.where = text_of(each.where),
                            .has_code = each.code.has_value(),
                            .code = each.code ? each.code->value : S_OK,
                            .nth = each.nth.value_or(0),
                            .delay = each.delay.nanoseconds,
                            .at_result = place == folder_place::result,
                            .after = each.effect == folder_effect::after,
                            .volume = optional_text_of(each.volume),
                            .has_probability = each.probability.has_value(),
                            .probability = each.probability.value_or(0),
                            .seed = each.seed.value_or(0),
                            .dies = each.dies,
                            .has_application = each.application || each.message,
                            .application = each.application ? each.application->value : S_OK,
                            .message = optional_text_of(each.message)};
    check(each.at, table.add_fault(made, &fault));
  }
  return std::exchange(guard.machine, nullptr);
}

void machine_folder::describe(const visitor& visit) const {
  const auto show = [&](const char* element, std::uint32_t index, const auto& settings, const auto& attributes) {
    for (const auto& each : attributes) {
      if (const std::optional<std::string> value = each.show(settings)) visit(element, index, each.name, *value);
    }
  };
  const auto show_all = [&](const char* element, const auto& list, const auto& attributes) {
    for (std::uint32_t index = 0; index < list.size(); ++index) show(element, index, list[index], attributes);
  };
  show("machine", 0, machine_, machine_attributes);
  show_all("volume", volumes_, volume_attributes);
  show_all("variable", environment_, variable_attributes);
  show_all("writer", writers_, writer_attributes);
  show_all("fault", faults_, fault_attributes);
  show_all("writer_class", blocking_, blocking_attributes);
}

}  // namespace vsspy::simulator
