// File sets: csrc/filesets as _core.FileSetPlan and _core.FileSetWalk. Text is the system's own bytes there.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <optional>
#include <tuple>

#include "../filesets/real_names.h"
#include "../filesets/walk.h"
#include "gil_policy.h"
#include "register.h"

namespace vsspy::bindings {

namespace {

// The name of a file, or a part of one.
struct native_text : std::string {
  using std::string::string;
  explicit native_text(std::string text) : std::string(std::move(text)) {}
};

std::string encode(py::handle text) {
#ifdef _WIN32
  PyObject* made = PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogatepass");
#else
  PyObject* made = PyUnicode_EncodeFSDefault(text.ptr());
  if (!made && PyErr_ExceptionMatches(PyExc_UnicodeError)) {  // no file has such a name; a writer's document may
    PyErr_Clear();
    made = PyUnicode_AsEncodedString(text.ptr(), "utf-8", "surrogatepass");
  }
#endif
  if (!made) throw py::error_already_set();
  return std::string(py::reinterpret_steal<py::bytes>(made));
}

py::str decode(const std::string& text) {
  const auto size = static_cast<Py_ssize_t>(text.size());
#ifdef _WIN32
  PyObject* made = PyUnicode_DecodeUTF8(text.data(), size, "surrogatepass");
#else
  PyObject* made = PyUnicode_DecodeFSDefaultAndSize(text.data(), size);
#endif
  if (!made) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(made);
}

}  // namespace

}  // namespace vsspy::bindings

namespace pybind11::detail {

template <>
struct type_caster<vsspy::bindings::native_text> {
  PYBIND11_TYPE_CASTER(vsspy::bindings::native_text, const_name("str"));

  bool load(handle source, bool /*convert*/) {
    if (!PyUnicode_Check(source.ptr())) return false;
    value = vsspy::bindings::native_text(vsspy::bindings::encode(source));
    return true;
  }
  static handle cast(const vsspy::bindings::native_text& text, return_value_policy, handle) {
    return vsspy::bindings::decode(text).release();
  }
};

}  // namespace pybind11::detail

namespace vsspy::bindings {

namespace {

using names = std::vector<native_text>;
using other_place = std::tuple<std::size_t, native_text, names>;

std::vector<std::string> plain(const names& from) { return {from.begin(), from.end()}; }

py::object os_error(filesets::error_code code, const std::string& path) {
  const py::str name = decode(path);
#ifdef _WIN32
  PyErr_SetExcFromWindowsErrWithFilenameObject(PyExc_OSError, static_cast<int>(code), name.ptr());
#else
  errno = static_cast<int>(code);
  PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, name.ptr());
#endif
  return py::error_already_set().value();
}

// A walk that one thread at a time goes on with.
class guarded_walk {
 public:
  guarded_walk(std::shared_ptr<const filesets::plan> plan, filesets::walk_setting setting)
      : walk_(std::move(plan), std::move(setting)) {}

  template <class Fn>
  auto use(Fn fn) {
    if (busy_.exchange(true, std::memory_order_acquire)) throw py::value_error("the walk goes on in another thread");
    const release_at_end release{busy_};
    return fn(walk_);
  }

 private:
  struct release_at_end {
    std::atomic<bool>& busy;
    ~release_at_end() { busy.store(false, std::memory_order_release); }
  };
  filesets::walk walk_;
  std::atomic<bool> busy_ = false;
};

py::tuple as_tuple(const filesets::event& from) {
  const auto kind = static_cast<int>(from.what);
  switch (from.what) {
    case filesets::event::kind::file:
      return py::make_tuple(kind, decode(from.live), decode(from.shadow), from.found.size,
                            from.found.what == filesets::status::kind::link, from.found.modified, from.groups);
    case filesets::event::kind::left_out:
      return py::make_tuple(kind, decode(from.live), static_cast<int>(from.why), from.groups);
    case filesets::event::kind::error:
      break;
  }
  return py::make_tuple(kind, os_error(from.error, from.shadow), from.groups);
}

std::shared_ptr<guarded_walk> start(const std::shared_ptr<filesets::plan>& plan, std::size_t wanted,
                                    std::size_t unwanted, const native_text& live, const native_text& shadow,
                                    const std::vector<names>& mounted, const std::optional<other_place>& place) {
  if (live.empty() || shadow.empty()) throw py::value_error("a root has a name");
  filesets::walk_setting setting{wanted, unwanted, live, shadow};
  for (const auto& elements : mounted) setting.mounted.push_back(plain(elements));
  if (place) setting.place.emplace(std::get<0>(*place), std::get<1>(*place), plain(std::get<2>(*place)));
  if (setting.place && setting.place->live.empty()) throw py::value_error("the other place has a name");
  plan->finish();
  auto made = std::make_shared<guarded_walk>(plan, std::move(setting));
  const filesets::error_code error =
      crossing([&] { return made->use([](filesets::walk& walk) { return walk.open(); }); });
  if (error) {
    const py::object raised = os_error(error, shadow);
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(raised.ptr())), raised.ptr());
    throw py::error_already_set();
  }
  return made;
}

py::object next(guarded_walk& self, std::size_t limit, double seconds) {
  std::vector<filesets::event> events;
  const auto time = std::chrono::milliseconds(static_cast<long long>(seconds * 1000));
  const bool goes_on =
      crossing([&] { return self.use([&](filesets::walk& walk) { return walk.next(events, limit, time); }); });
  if (!goes_on && events.empty()) return py::none();
  py::list made(events.size());
  for (std::size_t i = 0; i < events.size(); ++i) made[i] = as_tuple(events[i]);
  return made;
}

py::str fold(const py::str& text) {
  PyObject* object = text.ptr();
  const Py_ssize_t length = PyUnicode_GET_LENGTH(object);
  const auto kind = PyUnicode_KIND(object);
  const void* data = PyUnicode_DATA(object);
  std::u32string made(static_cast<std::size_t>(length), U'\0');
  for (Py_ssize_t i = 0; i < length; ++i) made[i] = filesets::fold(PyUnicode_READ(kind, data, i));
  PyObject* result = PyUnicode_FromKindAndData(PyUnicode_4BYTE_KIND, made.data(), length);
  if (!result) throw py::error_already_set();
  return py::reinterpret_steal<py::str>(result);
}

names real_names(const native_text& root, const names& elements) {
  names made;
  for (auto& name : crossing([&] { return filesets::real_names(root, plain(elements)); })) made.emplace_back(name);
  return made;
}

}  // namespace

void register_filesets(py::module_& module) {
  module.def("fold", &fold, py::arg("text"));
  module.def(
      "matches",
      [](const native_text& filespec, const native_text& name) {
        return filesets::pattern(filespec).matches(filesets::folded(name));
      },
      py::arg("filespec"), py::arg("name"));
  module.def("real_names", &real_names, py::arg("root"), py::arg("elements"));

  py::class_<filesets::plan, std::shared_ptr<filesets::plan>>(module, "FileSetPlan", py::module_local())
      .def(py::init<>())
      .def("new_tree", &filesets::plan::new_tree)
      .def(
          "folder",
          [](filesets::plan& self, std::size_t above, const names& elements) {
            return self.folder(above, plain(elements));
          },
          py::arg("above"), py::arg("elements"))
      .def(
          "add",
          [](filesets::plan& self, std::size_t folder, const native_text& filespec, bool recursive,
             filesets::group group) { self.add(folder, filespec, recursive, group); },
          py::arg("folder"), py::arg("filespec"), py::arg("recursive"), py::arg("group"))
      .def(
          "match",
          [](filesets::plan& self, std::size_t tree, const names& elements) {
            return self.match(tree, plain(elements));
          },
          py::arg("tree"), py::arg("elements"));

  py::class_<guarded_walk, std::shared_ptr<guarded_walk>>(module, "FileSetWalk", py::module_local(), releases_object())
      .def(py::init(&start), py::arg("plan"), py::arg("wanted"), py::arg("unwanted"), py::arg("live"),
           py::arg("shadow"), py::arg("mounted"), py::arg("place"))
      .def("next", &next, py::arg("limit"), py::arg("seconds"))
      .def(
          "groups",
          [](guarded_walk& self, filesets::set_id id) {
            return self.use([&](filesets::walk& walk) { return walk.members(id); });
          },
          py::arg("id"))
      .def_property_readonly(
          "listed", [](guarded_walk& self) { return self.use([](filesets::walk& walk) { return walk.listed(); }); });
}

}  // namespace vsspy::bindings
