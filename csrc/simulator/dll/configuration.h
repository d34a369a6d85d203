// The machine of the library's entry points: the one that somebody has made current, else that of the environment.
//
//   VSSPY_SIMULATOR=FOLDER       the machine folder, opened at the first use
//   VSSPY_SIMULATOR_TRACE=FILE   the trace as JSON lines; - is stderr
//   VSSPY_SIMULATOR_LIVE=1       at exit, on stderr: which COM objects were not released, and how many
#pragma once

#include <memory>

#include "../../com/hresult.h"
#include "../machine.h"

namespace vsspy::simulator {

// Throws vss_error: E_NOTIMPL where there is none; what is wrong stands on stderr then.
std::shared_ptr<machine> serving_machine();

// The same for what never fails: null where there is none.
std::shared_ptr<machine> serving_machine_or_none() noexcept;

#ifdef _WIN32
// From DllMain: the other threads are gone, so nothing is closed; the next machine of the folder cleans.
void process_ends() noexcept;
#endif

// Runs `work` with the machine; nothing but an HRESULT comes out.
template <class Work>
HRESULT with_machine(Work&& work) noexcept {
  try {
    return work(serving_machine());
  } catch (const com::vss_error& error) {
    return error.hresult();
  } catch (const std::bad_alloc&) {
    return E_OUTOFMEMORY;
  } catch (...) {
    return E_UNEXPECTED;
  }
}

}  // namespace vsspy::simulator
