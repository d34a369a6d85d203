#include "register_provider.h"

#include <pybind11/functional.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <memory>
#include <optional>

#include "../../com/hresult.h"
#include "../provider.h"
#include "../state_folder.h"

namespace py = pybind11;

namespace vsspy::simulator {

namespace {

PYBIND11_CONSTINIT py::gil_safe_call_once_and_store<py::object> provider_error;

// Runs without the GIL; a vss_error becomes _testing.ProviderError(hresult, detail) once it is back.
template <typename Function>
auto without_gil(Function function) {
  try {
    const py::gil_scoped_release release;
    return function();
  } catch (const com::vss_error& error) {
    const py::tuple arguments = py::make_tuple(static_cast<std::uint32_t>(error.hresult()), error.detail());
    PyErr_SetObject(provider_error.get_stored().ptr(), arguments.ptr());
    throw py::error_already_set();
  }
}

copy_report snapshot(const std::filesystem::path& volume, const std::filesystem::path& shadow,
                     std::vector<std::filesystem::path> leave_out, const py::object& cancelled, unsigned threads) {
  copy_options options{std::move(leave_out), {}, threads};
  if (!cancelled.is_none()) {
    options.cancelled = [call = cancelled.ptr()] {  // the caller's argument outlives the copy
      const py::gil_scoped_acquire acquire;
      return py::handle(call)().cast<bool>();
    };
  }
  return without_gil([&] { return snapshot_folder(volume, shadow, options); });
}

}  // namespace

void register_provider_testing(py::module_& module) {
  py::module_ testing = module.def_submodule("_testing", "Parts of the simulator on their own, for its tests.");
  provider_error.call_once_and_store_result([] {
    return py::reinterpret_steal<py::object>(
        PyErr_NewException("vsspy._simulator._testing.ProviderError", PyExc_Exception, nullptr));
  });
  testing.attr("ProviderError") = provider_error.get_stored();

  py::class_<copy_report>(testing, "CopyReport", py::module_local())
      .def_property_readonly("notes",
                             [](const copy_report& report) {
                               py::list notes;
                               for (const std::string& note : report.notes) notes.append(py::str(note));
                               return notes;
                             })
      .def_readonly("files", &copy_report::files)
      .def_readonly("folders", &copy_report::folders)
      .def_readonly("bytes", &copy_report::bytes)
      .def_readonly("cloned", &copy_report::cloned);

  testing.def("snapshot_folder", &snapshot, py::arg("volume"), py::arg("shadow"), py::kw_only(),
              py::arg("leave_out") = std::vector<std::filesystem::path>(), py::arg("cancelled") = py::none(),
              py::arg("threads") = 0);
  testing.def(
      "check_untouched",
      [](const std::filesystem::path& shadow, const copy_report& report) {
        return without_gil([&] { return check_untouched(shadow, report.seal); });
      },
      py::arg("shadow"), py::arg("report"));
  testing.def(
      "drop_folder", [](const std::filesystem::path& folder) { without_gil([&] { drop_folder(folder); }); },
      py::arg("folder"));

  py::class_<state_folder>(testing, "StateFolder", py::module_local())
      .def(py::init([](const std::optional<std::filesystem::path>& root) {
             return without_gil([&] { return std::make_unique<state_folder>(root.value_or("")); });
           }),
           py::arg("root") = py::none())
      .def_property_readonly("root", &state_folder::root)
      .def_property_readonly("path", &state_folder::path)
      .def("close", [](state_folder& folder) { without_gil([&] { folder.close(); }); });
  testing.def("default_state_root", [] { return without_gil([] { return state_folder::default_root(); }); });
}

}  // namespace vsspy::simulator
