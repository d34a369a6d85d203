// IVssWMFiledesc, which writers' metadata and the components of a document both hand out, as plain values.
#pragma once

#include <vector>

#include "../com/com_ptr.h"
#include "../documents/writer_metadata.h"
#include "call_trace.h"

namespace vsspy::requester {

// One of the many getters that give a counted item: `get` fills the pointer. To be called where objects of the MTA may
// be used, like all below.
template <class Interface, class Get, class... Arguments>
com::com_ptr<Interface> fetch(const vsspy_platform& platform, const char* operation, Get get,
                              const Arguments&... arguments) {
  com::com_ptr<Interface> item;
  com::check(traced(operation, [&] { return get(item.put(platform)); }, arguments...), operation);
  if (!item) throw com::vss_error(E_UNEXPECTED, operation, "no object came with the success code");
  return item;
}

documents::file_set read_file_set(IVssWMFiledesc& from, const vsspy_platform& platform);

// All of them: get(i, pointer) gives the one with that index, which the method calls `index_name`.
template <class Get>
std::vector<documents::file_set> read_file_sets(const vsspy_platform& platform, UINT count, const char* operation,
                                                const char* index_name, Get get) {
  constexpr UINT believed = 1 << 20;  // more than any writer has; the rest would come all the same
  std::vector<documents::file_set> sets;
  sets.reserve(count < believed ? count : believed);
  for (UINT i = 0; i < count; ++i) {
    const auto item = fetch<IVssWMFiledesc>(
        platform, operation, [&](IVssWMFiledesc** pointer) { return get(i, pointer); }, with(index_name, i));
    sets.push_back(read_file_set(*item, platform));
  }
  return sets;
}

}  // namespace vsspy::requester
