// poll_only VOLUME...
//
// A backup of all writers' top components that never waits for an operation: it asks, and sleeps a little.

#ifndef _WIN32
#define _POSIX_C_SOURCE 200809L
#include <time.h>
#endif

#include "requester.h"

static void sleep_a_little(void) {
#ifdef _WIN32
  Sleep(1);
#else
  const struct timespec time = {0, 1000000};
  nanosleep(&time, NULL);
#endif
}

static HRESULT poll_end(HRESULT started, IVssAsync** started_operation) {
  if (FAILED(started)) return started;
  IVssAsync* operation = *started_operation;
  HRESULT hr = S_OK;
  HRESULT result = VSS_S_ASYNC_PENDING;
  while (SUCCEEDED(hr) && result == VSS_S_ASYNC_PENDING) {
    sleep_a_little();
    hr = operation->lpVtbl->QueryStatus(operation, &result, NULL);
  }
  operation->lpVtbl->Release(operation);
  if (FAILED(hr)) return hr;
  return result == VSS_S_ASYNC_FINISHED ? S_OK : FAILED(result) ? result : E_ABORT;
}

#define RUN(components, method) CHECK(poll_end((components)->lpVtbl->method((components), &operation), &operation))

static int add_component(IVssBackupComponents* components, VSS_ID instance, VSS_ID id, IVssWMComponent* component) {
  PVSSCOMPONENTINFO info = NULL;
  int failed = 1;
  CHECK(component->lpVtbl->GetComponentInfo(component, &info));
  if (SysStringLen(info->bstrLogicalPath) == 0) {
    CHECK(components->lpVtbl->AddComponent(components, instance, id, info->type, info->bstrLogicalPath,
                                           info->bstrComponentName));
  }
  failed = 0;
out:
  if (info && FAILED(component->lpVtbl->FreeComponentInfo(component, info))) failed = 1;
  return failed;
}

static int add_components(IVssBackupComponents* components, UINT writer) {
  IVssExamineWriterMetadata* metadata = NULL;
  IVssWMComponent* component = NULL;
  BSTR name = NULL;
  VSS_ID instance, id;
  VSS_USAGE_TYPE usage;
  VSS_SOURCE_TYPE source;
  UINT included = 0, excluded = 0, count = 0;
  int failed = 1;
  CHECK(components->lpVtbl->GetWriterMetadata(components, writer, &instance, &metadata));
  CHECK(metadata->lpVtbl->GetIdentity(metadata, &instance, &id, &name, &usage, &source));
  CHECK(metadata->lpVtbl->GetFileCounts(metadata, &included, &excluded, &count));
  for (UINT index = 0; index < count; ++index) {
    CHECK(metadata->lpVtbl->GetComponent(metadata, index, &component));
    if (add_component(components, instance, id, component)) goto out;
    RELEASE(component);
  }
  failed = 0;
out:
  SysFreeString(name);
  RELEASE(component);
  RELEASE(metadata);
  return failed;
}

// Tells VSS that all of a writer's components in the document were saved.
static int set_succeeded(IVssBackupComponents* components, UINT writer) {
  IVssWriterComponentsExt* list = NULL;
  IVssComponent* component = NULL;
  BSTR path = NULL, name = NULL;
  VSS_ID instance, id;
  UINT count = 0;
  int failed = 1;
  CHECK(components->lpVtbl->GetWriterComponents(components, writer, &list));
  IVssWriterComponents* view = (IVssWriterComponents*)list;
  CHECK(view->lpVtbl->GetWriterInfo(view, &instance, &id));
  CHECK(view->lpVtbl->GetComponentCount(view, &count));
  for (UINT index = 0; index < count; ++index) {
    VSS_COMPONENT_TYPE type;
    CHECK(view->lpVtbl->GetComponent(view, index, &component));
    CHECK(component->lpVtbl->GetComponentType(component, &type));
    CHECK(component->lpVtbl->GetLogicalPath(component, &path));
    CHECK(component->lpVtbl->GetComponentName(component, &name));
    CHECK(components->lpVtbl->SetBackupSucceeded(components, instance, id, type, path, name, true));
    printf("saved: ");
    print_text(name);
    printf("\n");
    SysFreeString(path);
    SysFreeString(name);
    path = name = NULL;
    RELEASE(component);
  }
  failed = 0;
out:
  SysFreeString(path);
  SysFreeString(name);
  RELEASE(component);
  if (list) ((IUnknown*)&list->lpVtblIUnknown)->lpVtbl->Release((IUnknown*)&list->lpVtblIUnknown);
  return failed;
}

static int check_writers(IVssBackupComponents* components) {
  IVssAsync* operation = NULL;
  UINT count = 0;
  int failed = 0;
  RUN(components, GatherWriterStatus);
  CHECK(components->lpVtbl->GetWriterStatusCount(components, &count));
  for (UINT index = 0; index < count; ++index) {
    VSS_ID instance, id;
    BSTR name = NULL;
    VSS_WRITER_STATE state;
    HRESULT failure = S_OK;
    CHECK(components->lpVtbl->GetWriterStatus(components, index, &instance, &id, &name, &state, &failure));
    if (FAILED(failure)) {
      failed = 1;
      printf("writer: ");
      print_text(name);
      printf(" state %d failure 0x%08x\n", (int)state, (unsigned)failure);
    }
    SysFreeString(name);
  }
  CHECK(components->lpVtbl->FreeWriterStatus(components));
  return failed;
out:
  return 1;
}

static int backup(IVssBackupComponents* components, char** volumes, int volume_count) {
  IVssAsync* operation = NULL;
  VSS_ID set, copy;
  UINT writers = 0;
  bool prepared = false;
  CHECK(components->lpVtbl->InitializeForBackup(components, NULL));
  CHECK(components->lpVtbl->SetBackupState(components, true, false, VSS_BT_FULL, false));
  RUN(components, GatherWriterMetadata);
  CHECK(components->lpVtbl->GetWriterMetadataCount(components, &writers));
  for (UINT index = 0; index < writers; ++index) {
    if (add_components(components, index)) goto out;
  }
  CHECK(components->lpVtbl->FreeWriterMetadata(components));
  CHECK(components->lpVtbl->StartSnapshotSet(components, &set));
  for (int index = 0; index < volume_count; ++index) {
    WCHAR name[300];
    widen(volumes[index], name, sizeof name / sizeof name[0]);
    CHECK(components->lpVtbl->AddToSnapshotSet(components, name, NO_ID, &copy));
  }
  RUN(components, PrepareForBackup);
  prepared = true;
  if (check_writers(components)) goto out;
  RUN(components, DoSnapshotSet);
  if (check_writers(components)) goto out;
  CHECK(components->lpVtbl->GetWriterComponentsCount(components, &writers));
  for (UINT index = 0; index < writers; ++index) {
    if (set_succeeded(components, index)) goto out;
  }
  RUN(components, BackupComplete);
  prepared = false;
  if (check_writers(components)) goto out;
  return 0;
out:
  if (prepared) components->lpVtbl->AbortBackup(components);
  return 1;
}

int main(int count, char** words) {
  IVssBackupComponents* components = NULL;
  int exit_code = 1;
  if (count < 2) return 2;
  CHECK(CoInitializeEx(NULL, COINIT_MULTITHREADED));
  CHECK(CreateVssBackupComponents(&components));
  exit_code = backup(components, words + 1, count - 1);
  printf("backup: %s\n", exit_code ? "failed" : "good");
out:
  RELEASE(components);
  CoUninitialize();
  return exit_code;
}
