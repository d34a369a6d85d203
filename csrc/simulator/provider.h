// The folder provider: makes shadow copies of folders that stand for volumes, and takes them away again.
//
// A shadow copy is a folder of its own, never a link into the volume: no later change of the volume shows in it,
// whatever way it is made (an open descriptor, a shared mapping, truncation, rename-over, removal). While the copy is
// made the volume may change too. Then this holds:
//   - each file is in one piece, the bytes it had at one moment, or a note names it;
//   - when a whole pass over the volume found nothing changed since it was copied, the shadow copy is the volume as it
//     was at one moment; else what still changed in the last pass is named in the notes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace vsspy::simulator {

// What a shadow copy's entries looked like when it was complete. check_untouched compares them with what is there.
struct shadow_seal {
  struct entry {
    std::string path;           // below the shadow copy, as the system spells it ("" is the shadow copy itself)
    std::uint64_t fingerprint;  // of kind, mode, owner, size, times and file number
  };
  std::vector<entry> entries;  // sorted by path
};

struct copy_report {
  std::vector<std::string> notes;  // UTF-8, "path: what happened", path relative to the volume with "/"; sorted
  std::uint64_t files = 0;         // names that are not folders, links included
  std::uint64_t folders = 0;       // without the volume's own
  std::uint64_t bytes = 0;         // sizes of the files, each hard-linked one once
  std::uint64_t cloned = 0;        // files whose data the file system shares (reflink) instead of copying it
  shadow_seal seal;
};

struct copy_options {
  std::vector<std::filesystem::path> leave_out;  // folders that never get into a copy: the simulator's state root
  std::function<bool()> cancelled;               // asked on the calling thread, at least every 50 ms; may be empty
  unsigned threads = 0;                          // for the files' data; 0: as many as there are processors, 8 at most
  std::vector<std::filesystem::path> leave_empty{};  // folders whose content is another volume's
};

// Makes `shadow` (which must not exist, in a folder that does) a point-in-time copy of `volume`. Until it is complete
// it stands beside that name as NAME.part and NAME.links. What cannot be copied is noted and left out, it is no error.
// Throws vss_error and leaves nothing behind: VSS_E_OBJECT_NOT_FOUND (no folder `volume`), VSS_E_OBJECT_ALREADY_EXISTS,
// VSS_E_INSUFFICIENT_STORAGE (full, over quota, file too large), E_ACCESSDENIED (may not write), E_ABORT (cancelled),
// E_OUTOFMEMORY, VSS_E_PROVIDER_VETO (anything else, see detail()).
copy_report snapshot_folder(const std::filesystem::path& volume, const std::filesystem::path& shadow,
                            const copy_options& options = {});

// What was changed in a shadow copy since it was complete, "path: changed" (or added, removed). Empty is as it should
// be. A write of the same size within the file system's time step of the copy's end (4 ms mostly) can escape it.
std::vector<std::string> check_untouched(const std::filesystem::path& shadow, const shadow_seal& seal);

// Removes a folder and all in it, whatever modes the folders have; no error when it is not there. Follows no link and
// enters no other mount: when something cannot go, the rest goes, and vss_error VSS_E_PROVIDER_VETO names the first.
void drop_folder(const std::filesystem::path& folder);

}  // namespace vsspy::simulator
