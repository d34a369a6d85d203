#include "file_sets.h"

#include "../com/bstr.h"

namespace vsspy::requester {

documents::file_set read_file_set(IVssWMFiledesc& from, const vsspy_platform& platform) {
  com::unique_bstr path(platform);
  com::unique_bstr filespec(platform);
  com::unique_bstr alternate(platform);
  documents::file_set files;
  com::check(traced("IVssWMFiledesc::GetPath", [&] { return from.GetPath(path.put()); }), "IVssWMFiledesc::GetPath");
  com::check(traced("IVssWMFiledesc::GetFilespec", [&] { return from.GetFilespec(filespec.put()); }),
             "IVssWMFiledesc::GetFilespec");
  com::check(traced("IVssWMFiledesc::GetRecursive", [&] { return from.GetRecursive(&files.recursive); }),
             "IVssWMFiledesc::GetRecursive");
  com::check(traced("IVssWMFiledesc::GetAlternateLocation", [&] { return from.GetAlternateLocation(alternate.put()); }),
             "IVssWMFiledesc::GetAlternateLocation");
  DWORD mask = files.backup_type_mask;
  com::check(traced("IVssWMFiledesc::GetBackupTypeMask", [&] { return from.GetBackupTypeMask(&mask); }),
             "IVssWMFiledesc::GetBackupTypeMask");
  files.path = path.text();
  files.filespec = filespec.text();
  files.alternate_path = alternate.optional_text();
  files.backup_type_mask = mask;
  return files;
}

}  // namespace vsspy::requester
