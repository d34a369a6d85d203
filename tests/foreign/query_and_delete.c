// query_and_delete make app|nas VOLUME... | list | delete copy|set
//
// Makes persistent shadow copies, lists all shadow copies that there are, or deletes them: one by one, or set by set.

#include "requester.h"

static HRESULT finish(HRESULT started, IVssAsync** started_operation) {
  if (FAILED(started)) return started;
  IVssAsync* operation = *started_operation;
  HRESULT result = E_FAIL;
  HRESULT hr = operation->lpVtbl->Wait(operation, INFINITE);
  if (SUCCEEDED(hr)) hr = operation->lpVtbl->QueryStatus(operation, &result, NULL);
  operation->lpVtbl->Release(operation);
  if (FAILED(hr)) return hr;
  return result == VSS_S_ASYNC_FINISHED ? S_OK : FAILED(result) ? result : E_ABORT;
}

#define RUN(components, method) CHECK(finish((components)->lpVtbl->method((components), &operation), &operation))

static int make(LONG context, char** volumes, int count) {
  IVssBackupComponents* components = NULL;
  IVssAsync* operation = NULL;
  const bool writers = !(context & VSS_VOLSNAP_ATTR_NO_WRITERS);
  bool prepared = false;
  int exit_code = 1;
  VSS_ID set, copy;
  CHECK(CreateVssBackupComponents(&components));
  CHECK(components->lpVtbl->InitializeForBackup(components, NULL));
  CHECK(components->lpVtbl->SetContext(components, context));
  if (writers) {
    CHECK(components->lpVtbl->SetBackupState(components, false, false, VSS_BT_COPY, false));
    RUN(components, GatherWriterMetadata);
  }
  CHECK(components->lpVtbl->StartSnapshotSet(components, &set));
  for (int index = 0; index < count; ++index) {
    WCHAR name[300];
    widen(volumes[index], name, sizeof name / sizeof name[0]);
    CHECK(components->lpVtbl->AddToSnapshotSet(components, name, NO_ID, &copy));
  }
  if (writers) RUN(components, PrepareForBackup);
  prepared = writers;
  RUN(components, DoSnapshotSet);
  if (writers) {
    RUN(components, BackupComplete);
    prepared = false;
    RUN(components, GatherWriterStatus);
    CHECK(components->lpVtbl->FreeWriterStatus(components));
  }
  printf("made: ");
  print_id(&set);
  printf("\n");
  exit_code = 0;
out:
  if (prepared && FAILED(components->lpVtbl->AbortBackup(components))) printf("error: AbortBackup\n");
  RELEASE(components);
  return exit_code;
}

static void free_properties(VSS_OBJECT_PROP* object) {
  if (object->Type == VSS_OBJECT_SNAPSHOT) VssFreeSnapshotProperties(&object->Obj.Snap);
}

// Calls `each` for every shadow copy until it gives something else than 0; gives the number of them, or -1.
static int visit(IVssBackupComponents* components, int (*each)(IVssBackupComponents*, const VSS_SNAPSHOT_PROP*)) {
  IVssEnumObject* list = NULL;
  int count = 0;
  int result = -1;
  CHECK(components->lpVtbl->Query(components, NO_ID, VSS_OBJECT_NONE, VSS_OBJECT_SNAPSHOT, &list));
  for (;;) {
    VSS_OBJECT_PROP object;
    ULONG fetched = 0;
    memset(&object, 0, sizeof object);
    CHECK(list->lpVtbl->Next(list, 1, &object, &fetched));
    if (fetched == 0) break;
    ++count;
    const int stop = each ? each(components, &object.Obj.Snap) : 0;
    free_properties(&object);
    if (stop) goto out;
  }
  result = count;
out:
  RELEASE(list);
  return result;
}

static int print_copy(IVssBackupComponents* components, const VSS_SNAPSHOT_PROP* copy) {
  (void)components;
  printf("copy: ");
  print_id(&copy->m_SnapshotId);
  printf(" set ");
  print_id(&copy->m_SnapshotSetId);
  printf(" of %d attributes 0x%x state %d volume ", (int)copy->m_lSnapshotsCount, (unsigned)copy->m_lSnapshotAttributes,
         (int)copy->m_eStatus);
  print_text(copy->m_pwszOriginalVolumeName);
  printf("\n");
  return 0;
}

static int delete_object(IVssBackupComponents* components, VSS_ID id, VSS_OBJECT_TYPE type) {
  LONG deleted = 0;
  VSS_ID failing;
  const HRESULT hr = components->lpVtbl->DeleteSnapshots(components, id, type, TRUE, &deleted, &failing);
  // The list is of the moment of the query: a set is gone with the first of its shadow copies.
  if (hr == VSS_E_OBJECT_NOT_FOUND && type == VSS_OBJECT_SNAPSHOT_SET) return 0;
  CHECK(hr);
  printf("deleted: %d\n", (int)deleted);
  return 0;
out:
  return 1;
}

static int delete_copy(IVssBackupComponents* components, const VSS_SNAPSHOT_PROP* copy) {
  return delete_object(components, copy->m_SnapshotId, VSS_OBJECT_SNAPSHOT);
}

static int delete_set(IVssBackupComponents* components, const VSS_SNAPSHOT_PROP* copy) {
  return delete_object(components, copy->m_SnapshotSetId, VSS_OBJECT_SNAPSHOT_SET);
}

static int use_all(int (*each)(IVssBackupComponents*, const VSS_SNAPSHOT_PROP*), bool none_may_be_left) {
  IVssBackupComponents* components = NULL;
  int exit_code = 1;
  CHECK(CreateVssBackupComponents(&components));
  CHECK(components->lpVtbl->InitializeForBackup(components, NULL));
  CHECK(components->lpVtbl->SetContext(components, VSS_CTX_ALL));
  if (visit(components, each) < 0) goto out;
  const int left = visit(components, NULL);
  printf("there are: %d\n", left);
  if (left >= 0 && (left == 0 || !none_may_be_left)) exit_code = 0;
out:
  RELEASE(components);
  return exit_code;
}

int main(int count, char** words) {
  const char* what = count > 1 ? words[1] : "";
  const char* how = count > 2 ? words[2] : "";
  int exit_code = 1;
  CHECK(CoInitializeEx(NULL, COINIT_MULTITHREADED));
  if (!strcmp(what, "make") && count > 3) {
    exit_code = make(strcmp(how, "app") ? VSS_CTX_NAS_ROLLBACK : VSS_CTX_APP_ROLLBACK, words + 3, count - 3);
  } else if (!strcmp(what, "list")) {
    exit_code = use_all(print_copy, false);
  } else if (!strcmp(what, "delete")) {
    exit_code = use_all(strcmp(how, "set") ? delete_copy : delete_set, true);
  } else {
    exit_code = 2;
  }
  CoUninitialize();
out:
  return exit_code;
}
