// Platforms, what is asked of them without an object, process-wide security, and the end of the interpreter.
#include <pybind11/stl/filesystem.h>

#include "../com/apartment.h"
#include "../requester/call_trace.h"
#include "../requester/volumes.h"
#include "../requester/windows_platform.h"
#include "casters.h"
#include "gil_policy.h"
#include "platform_capsule.h"
#include "register.h"

namespace vsspy::bindings {

namespace {

constexpr double exit_limit = 10;  // seconds

void initialize_security(const vsspy_platform& platform) {
  com::enter_mta(platform);
  com::check(com::on_mta(platform,
                         [&] {
                           return requester::traced("CoInitializeSecurity",
                                                    [&] { return platform.initialize_security(platform.context); });
                         }),
             "CoInitializeSecurity");
}

py::dict build_record() {
  py::dict record;
#if defined(__VERSION__)
  record["compiler"] = __VERSION__;
#elif defined(_MSC_FULL_VER)
  record["compiler"] = "MSVC " + std::to_string(_MSC_FULL_VER);
#endif
  record["pybind11"] = PYBIND11_TOSTRING(PYBIND11_VERSION_MAJOR) "." PYBIND11_TOSTRING(
      PYBIND11_VERSION_MINOR) "." PYBIND11_TOSTRING(PYBIND11_VERSION_MICRO);
  return record;
}

}  // namespace

void register_platform(py::module_& module) {
  module.attr("build") = build_record();
  module.def(
      "windows_platform",
      [] { return py::capsule(static_cast<const void*>(&requester::windows_platform()), platform_capsule_name); },
      "The table that is filled from VssApi; raises UnsupportedPlatformError off Windows.");
  module.def(
      "initialize_security",
      [](const py::capsule& platform) {
        const vsspy_platform& table = platform_of(platform);
        const without_interpreter released;
        initialize_security(table);
      },
      py::arg("platform"), "CoInitializeSecurity with what writers need.");
  module.def(
      "is_volume_snapshotted",
      [](const py::capsule& platform, const wide_text& volume) {
        const vsspy_platform& table = platform_of(platform);
        requester::volume_snapshotted answer;
        {
          const without_interpreter released;
          answer = requester::is_volume_snapshotted(table, volume);
        }
        return py::make_tuple(answer.present, answer.compatibility);
      },
      py::arg("platform"), py::arg("volume"));
  module.def(
      "should_block_revert",
      [](const py::capsule& platform, const wide_text& volume) {
        const vsspy_platform& table = platform_of(platform);
        const without_interpreter released;
        return requester::should_block_revert(table, volume);
      },
      py::arg("platform"), py::arg("volume"));
  module.def(
      "start_tracing",
      [](const std::filesystem::path& path, const std::string& header) {
        const without_interpreter released;
        return reinterpret_cast<std::uintptr_t>(requester::start_tracing(path, header));
      },
      py::arg("path"), py::arg("header"), "Writes every call into a file until stop_tracing; vsspy.trace is its face.");
  module.def(
      "stop_tracing",
      [](std::uintptr_t trace) {
        const without_interpreter released;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): Python keeps it as a number, and it is only compared
        return requester::stop_tracing(reinterpret_cast<const void*>(trace));
      },
      py::arg("trace"), "False where not all of it could be written.");
  module.def(
      "close_everything",
      [](double limit) {
        requester::close_everything(std::chrono::milliseconds(static_cast<std::int64_t>(limit * 1000)));
      },
      py::arg("limit") = exit_limit, py::call_guard<py::gil_scoped_release>(),  // not `crosses`: it waits for those
      "Closes what is open and refuses anything new; registered with atexit.");
  py::module_::import("atexit").attr("register")(module.attr("close_everything"));
}

}  // namespace vsspy::bindings
