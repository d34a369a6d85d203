// Python's access to the probes; for tests only.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <mutex>

#include "probe.h"

namespace py = pybind11;

namespace vsspy::simulator {
namespace {

std::mutex calls_mutex;
std::vector<probe_call> calls;

}  // namespace

void record_probe_call(probe_call call) {
  std::lock_guard lock(calls_mutex);
  calls.push_back(std::move(call));
}

std::vector<probe_call> take_probe_calls() {
  std::lock_guard lock(calls_mutex);
  return std::exchange(calls, {});
}

void register_probe(py::module_& module) {
  module.def(
      "probe_object",
      [](const std::string& name) {
        void* object = probe_object(name);
        if (!object) throw py::key_error(name);
        return reinterpret_cast<std::uintptr_t>(object);
      },
      py::arg("interface"), "The address of an object of the interface that only tells what is called.");
  module.def(
      "take_probe_calls",
      [] {
        py::list list;
        for (auto& call : take_probe_calls()) list.append(py::make_tuple(call.method, call.arguments));
        return list;
      },
      "What was called on the probes since the last time: (method, arguments) each.");
}

}  // namespace vsspy::simulator
