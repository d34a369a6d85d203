// What the requesters in C++ have in common: nothing but the library's header and the standard library.
#pragma once

#include <vsspy/vssapi.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace fs = std::filesystem;
using wide = std::basic_string<WCHAR>;

// The texts here are the names of files, or names like them: a path converts them as the system does.
inline wide to_wide(const std::string& text) { return fs::path(text).string<WCHAR>(); }
inline std::string to_narrow(const WCHAR* text) { return text ? fs::path(wide(text)).string() : std::string(); }

inline void check(HRESULT hr, const char* what) {
  if (SUCCEEDED(hr)) return;
  char line[200];
  std::snprintf(line, sizeof line, "%s: 0x%08x", what, static_cast<unsigned>(hr));
  throw std::runtime_error(line);
}

template <class T>
class object {
 public:
  object() = default;
  object(const object&) = delete;
  object& operator=(const object&) = delete;
  ~object() { release(); }
  T* operator->() const { return made_; }
  T** out() {
    release();
    return &made_;
  }
  void release() {
    if (made_) std::exchange(made_, nullptr)->Release();
  }

 private:
  T* made_ = nullptr;
};

class bstr {
 public:
  bstr() = default;
  explicit bstr(const wide& text) : text_(SysAllocStringLen(text.data(), static_cast<UINT>(text.size()))) {
    if (!text_) throw std::bad_alloc();
  }
  bstr(const bstr&) = delete;
  bstr& operator=(const bstr&) = delete;
  ~bstr() { SysFreeString(text_); }
  BSTR* out() {
    SysFreeString(std::exchange(text_, nullptr));
    return &text_;
  }
  BSTR get() const { return text_; }
  std::string narrow() const { return to_narrow(text_); }

 private:
  BSTR text_ = nullptr;
};

// COM for as long as the program uses it; security as a requester has to set it for writers' calls.
class com {
 public:
  com() {
    check(CoInitializeEx(nullptr, COINIT_MULTITHREADED), "CoInitializeEx");
    check(CoInitializeSecurity(nullptr, -1, nullptr, nullptr, RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
                               RPC_C_IMP_LEVEL_IMPERSONATE, nullptr, EOAC_DYNAMIC_CLOAKING, nullptr),
          "CoInitializeSecurity");
  }
  com(const com&) = delete;
  com& operator=(const com&) = delete;
  ~com() { CoUninitialize(); }
};

// FAILED() is false for cancelled operations: only VSS_S_ASYNC_FINISHED is the good end.
inline void finish(IVssAsync* operation, const char* what) {
  check(operation->Wait(INFINITE), what);
  HRESULT result = E_FAIL;
  check(operation->QueryStatus(&result, nullptr), what);
  check(result, what);
  if (result != VSS_S_ASYNC_FINISHED) check(E_ABORT, what);
}

template <class Method>
void run(const object<IVssBackupComponents>& components, Method method, const char* what) {
  object<IVssAsync> operation;
  check(((*components.operator->()).*method)(operation.out()), what);
  finish(operation.operator->(), what);
}

// Throws when a writer failed.
inline void check_writers(const object<IVssBackupComponents>& components, const char* after) {
  run(components, &IVssBackupComponents::GatherWriterStatus, "GatherWriterStatus");
  UINT count = 0;
  check(components->GetWriterStatusCount(&count), "GetWriterStatusCount");
  std::string failed;
  for (UINT index = 0; index < count; ++index) {
    VSS_ID instance, writer;
    bstr name;
    VSS_WRITER_STATE state = VSS_WS_UNKNOWN;
    HRESULT failure = S_OK;
    check(components->GetWriterStatus(index, &instance, &writer, name.out(), &state, &failure), "GetWriterStatus");
    if (SUCCEEDED(failure)) continue;
    std::printf("writer: %s state %d failure 0x%08x\n", name.narrow().c_str(), static_cast<int>(state),
                static_cast<unsigned>(failure));
    failed = name.narrow();
  }
  check(components->FreeWriterStatus(), "FreeWriterStatus");
  if (!failed.empty()) throw std::runtime_error(failed + " failed after " + after);
}

struct component {
  VSS_COMPONENT_TYPE type;
  bstr path, name;
  bool selectable;
  object<IVssWMComponent> metadata;
  UINT files, database_files, log_files;

  std::string full_name() const { return path.narrow().empty() ? name.narrow() : path.narrow() + "\\" + name.narrow(); }
  bool is_below(const component& other) const { return full_name().starts_with(other.full_name() + "\\"); }
};

using component_list = std::vector<std::unique_ptr<component>>;

inline component_list components_of(IVssExamineWriterMetadata* writer) {
  UINT included = 0, excluded = 0, count = 0;
  check(writer->GetFileCounts(&included, &excluded, &count), "GetFileCounts");
  component_list found;
  for (UINT index = 0; index < count; ++index) {
    auto each = std::make_unique<component>();
    check(writer->GetComponent(index, each->metadata.out()), "GetComponent");
    PVSSCOMPONENTINFO info = nullptr;
    check(each->metadata->GetComponentInfo(&info), "GetComponentInfo");
    each->type = info->type;
    *each->path.out() = info->bstrLogicalPath ? SysAllocString(info->bstrLogicalPath) : nullptr;
    *each->name.out() = SysAllocString(info->bstrComponentName);
    each->selectable = info->bSelectable;
    each->files = info->cFileCount;
    each->database_files = info->cDatabases;
    each->log_files = info->cLogFiles;
    check(each->metadata->FreeComponentInfo(info), "FreeComponentInfo");
    found.push_back(std::move(each));
  }
  return found;
}

// Explicit is what has no ancestor that is selectable for backup (all that may be chosen is chosen).
inline bool is_explicit(const component& one, const component_list& all) {
  return std::none_of(all.begin(), all.end(),
                      [&one](const auto& each) { return each->selectable && one.is_below(*each); });
}

struct file_set {
  std::string path, filespec;
  bool recursive;
  DWORD types;
};

inline file_set read_file_set(const object<IVssWMFiledesc>& description) {
  bstr path, filespec;
  file_set found{};
  check(description->GetPath(path.out()), "GetPath");
  check(description->GetFilespec(filespec.out()), "GetFilespec");
  check(description->GetRecursive(&found.recursive), "GetRecursive");
  found.path = path.narrow();
  found.filespec = filespec.narrow();
  return found;
}

inline std::vector<file_set> file_sets_of(const component& one) {
  std::vector<file_set> found;
  const auto read = [&](UINT count, auto method, const char* what) {
    for (UINT index = 0; index < count; ++index) {
      object<IVssWMFiledesc> description;
      check(((*one.metadata.operator->()).*method)(index, description.out()), what);
      found.push_back(read_file_set(description));
      check(description->GetBackupTypeMask(&found.back().types), "GetBackupTypeMask");
    }
  };
  read(one.files, &IVssWMComponent::GetFile, "GetFile");
  read(one.database_files, &IVssWMComponent::GetDatabaseFile, "GetDatabaseFile");
  read(one.log_files, &IVssWMComponent::GetDatabaseLogFile, "GetDatabaseLogFile");
  return found;
}

inline bool matches(const char* pattern, const char* name) {
  if (!*pattern) return !*name;
  if (*pattern == '*') return matches(pattern + 1, name) || (*name && matches(pattern, name + 1));
  const auto lower = [](char each) { return each >= 'A' && each <= 'Z' ? static_cast<char>(each + 32) : each; };
  return *name && (*pattern == '?' || lower(*pattern) == lower(*name)) && matches(pattern + 1, name + 1);
}

// Copies a file set from one folder to another, which both stand for the volume's root; gives the number of files.
inline int copy_files(const file_set& files, std::size_t root_length, const fs::path& from, const fs::path& to) {
  std::string below = files.path.substr(std::min(root_length, files.path.size()));
  std::replace(below.begin(), below.end(), '\\', '/');
  int copied = 0;
  const auto copy = [&](const fs::directory_entry& entry) {
    const std::string pattern = files.filespec == "*.*" ? "*" : files.filespec;
    if (!entry.is_regular_file() || !matches(pattern.c_str(), entry.path().filename().string().c_str())) return;
    const fs::path target = to / entry.path().lexically_relative(from);
    fs::create_directories(target.parent_path());
    const fs::path half_made = target.string() + ".part";  // what is there is replaced whole, or stays
    fs::remove(half_made);
    fs::copy_file(entry.path(), half_made);
    fs::rename(half_made, target);
    ++copied;
  };
  const fs::path folder = from / below;
  if (!fs::exists(folder)) return 0;
  if (files.recursive) {
    for (const auto& entry : fs::recursive_directory_iterator(folder)) copy(entry);
  } else {
    for (const auto& entry : fs::directory_iterator(folder)) copy(entry);
  }
  return copied;
}

// Documents are kept as they are: UTF-16.
inline void save(const fs::path& file, const bstr& text) {
  std::ofstream out(file, std::ios::binary);
  out.write(reinterpret_cast<const char*>(text.get()), std::streamsize{SysStringLen(text.get())} * 2);
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

inline wide load(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(in), {}};
  if (bytes.empty()) throw std::runtime_error("cannot read " + file.string());
  return wide(reinterpret_cast<const WCHAR*>(bytes.data()), bytes.size() / 2);
}
