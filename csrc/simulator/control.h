// The simulator's control table: how somebody from outside makes a machine, configures it and looks into it. It is
// plain C, since the two sides may come from two compilers: `_simulator` is linked with it off Windows and takes it
// from the loaded vssapi.dll on Windows. Text is UTF-8 (lone surrogates as three bytes); paths are the system's bytes,
// UTF-8 on Windows. What a function or a callback is given is its own only until it returns.
#pragma once

#include "../com/platform.h"

extern "C" {

struct vsspy_text {
  const char* data;
  std::size_t size;
};

struct vsspy_machine;  // one simulated machine

struct vsspy_named_text {
  vsspy_text name;
  vsspy_text value;
};

// How an error is told: `report` is called at most once, before the function returns a failing HRESULT.
struct vsspy_complaint {
  void* user;
  void (*report)(void* user, vsspy_text message);
};

struct vsspy_machine_options {
  vsspy_text state_root;  // folder of the machines' folders; empty: one per user below the temporary folder
  std::uint32_t level;    // 5 Server 2003 ("xp"), 6 Vista and Server 2008, 7 and Server 2008 R2, 8 and Server 2012
  std::uint32_t global_device_names;  // 1: \\?\GLOBALROOT\Device\HarddiskVolumeShadowCopyN; 0: the shadow copy's folder
};

// A component as a writer's event shows it; a text with NULL data is "not set".
struct vsspy_event_component {
  vsspy_text logical_path;
  vsspy_text name;
  std::int32_t type;              // VSS_COMPONENT_TYPE
  std::int32_t backup_succeeded;  // 0, 1, or -1: nobody said
  vsspy_text backup_options;
  vsspy_text backup_stamp;
  vsspy_text previous_backup_stamp;
  vsspy_text backup_metadata;
};

enum vsspy_component_field {
  VSSPY_BACKUP_STAMP = 1,
  VSSPY_BACKUP_METADATA = 2,
  VSSPY_PREPARE_FAILURE_MESSAGE = 3,
  VSSPY_POST_SNAPSHOT_FAILURE_MESSAGE = 4,
};

// A writer's event. The functions may be called until the callback returns, from any thread.
struct vsspy_writer_event {
  void* context;  // first argument of the functions
  vsspy_text name;
  vsspy_text writer;
  GUID writer_id;
  GUID instance_id;
  GUID session_id;
  GUID snapshot_set_id;  // all zero: none
  std::uint32_t component_count;
  HRESULT (*component)(void* context, std::uint32_t index, vsspy_event_component* component);
  HRESULT (*set_component_text)(void* context, std::uint32_t index, vsspy_component_field field, vsspy_text value);
  HRESULT (*set_component_failure)(void* context, std::uint32_t index, HRESULT failure, HRESULT application,
                                   vsspy_text message);
  void (*set_application_failure)(void* context, HRESULT failure, vsspy_text message);  // what GetWriterStatusEx tells
  void (*note)(void* context, vsspy_text text);  // goes into the event's entry of the trace, a traceback mostly
};

struct vsspy_writer {
  vsspy_text metadata;           // a Writer Metadata Document
  std::int32_t level;            // VSS_APPLICATION_LEVEL, for the order of Freeze
  std::uint64_t freeze_timeout;  // nanoseconds from Freeze to Thaw
  std::uint32_t events;          // mask: bit n is set when the callback wants event n of vsspy_event_names
  void* user;
  HRESULT (*on_event)(void* user, const vsspy_writer_event* event);  // a failure is the writer's veto; may be NULL
  void (*release)(void* user);  // when the machine needs the writer no more; may be NULL
};

struct vsspy_fault {
  vsspy_text where;
  std::int32_t has_code;
  HRESULT code;
  std::uint64_t nth;   // 0: every time
  std::int64_t delay;  // nanoseconds; negative: hangs until cancelled or closed
  std::int32_t at_result;
  std::int32_t after;  // the work is done first
};

struct vsspy_trace_entry {
  std::uint64_t index;
  std::int32_t kind;  // 0 call, 1 writer event, 2 result of an asynchronous operation
  vsspy_text name;
  std::uint64_t thread;
  std::uint64_t start;  // nanoseconds on the machine's clock
  std::uint64_t end;
  std::int32_t ended;  // 0: still under way, `end` and `hresult` mean nothing
  HRESULT hresult;
  GUID session;       // all zero where there is none
  vsspy_text writer;  // of a writer's event
  vsspy_text note;
  const vsspy_named_text* arguments;
  std::uint32_t argument_count;
};

struct vsspy_shadow_copy {
  GUID id;
  GUID set_id;
  GUID session_id;
  vsspy_text volume;       // as it was named to the machine
  vsspy_text volume_path;  // \\?\Volume{...}\ .
  vsspy_text device;
  vsspy_text folder;     // where its files are
  std::int64_t created;  // 100 ns since 1601
  std::int32_t context;
  std::int32_t attributes;
  std::uint64_t files;
  std::uint64_t bytes;
};

struct vsspy_simulator_control {
  std::uint32_t version;

  HRESULT (*create)(const vsspy_machine_options* options, vsspy_machine** machine, const vsspy_complaint* complaint);
  void (*close)(vsspy_machine* machine);            // ends what runs, removes the shadow copies; objects left are dead
  void (*destroy)(vsspy_machine* machine);          // close, and forget
  HRESULT (*make_current)(vsspy_machine* machine);  // the machine of the DLL's entry points; NULL: none

  HRESULT (*add_volume)(vsspy_machine*, vsspy_text name, vsspy_text folder, const vsspy_complaint*);
  HRESULT (*add_writer)(vsspy_machine*, const vsspy_writer* writer, const vsspy_complaint*);
  HRESULT (*add_fault)(vsspy_machine*, const vsspy_fault* fault);
  HRESULT (*set_environment)(vsspy_machine*, vsspy_text name, vsspy_text value);

  std::uint64_t (*live_objects)(vsspy_machine*);
  void (*live)(vsspy_machine*, void* user, void (*visit)(void* user, vsspy_text name));
  void (*trace)(vsspy_machine*, std::uint64_t first, void* user, void (*visit)(void* user, const vsspy_trace_entry*));
  void (*shadow_copies)(vsspy_machine*, void* user, void (*visit)(void* user, const vsspy_shadow_copy*));
  void (*notes)(vsspy_machine*, void* user, void (*visit)(void* user, vsspy_text note));
  void (*environment)(vsspy_machine*, void* user, void (*visit)(void* user, vsspy_text name, vsspy_text value));

  // The platform of the machine, for a requester in the same process. It keeps the machine; give it back in the end.
  const vsspy_platform* (*acquire_platform)(vsspy_machine* machine);
  void (*release_platform)(const vsspy_platform* platform);
};

const vsspy_simulator_control* vsspy_simulator_control_table(void);
}

inline constexpr std::uint32_t vsspy_simulator_control_version = 1;

// The events of a writer, in the order of the bits of vsspy_writer::events (semantics 4.1, those of a backup).
inline constexpr const char* vsspy_event_names[] = {"Identify",       "PrepareBackup",  "PrepareSnapshot",
                                                    "Freeze",         "Thaw",           "PostSnapshot",
                                                    "BackupComplete", "BackupShutdown", "Abort"};
