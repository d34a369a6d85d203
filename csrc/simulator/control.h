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
  std::uint32_t hardware_provider;    // 0 none, 1 there is one, 2 one that is too old for recovery sets
  std::uint32_t virtual_time;         // 1: the clock jumps over what everybody waits for (service_clock.h)
  vsspy_text persistent_state;        // folder that outlives the machine (persistent_state.h); empty: nothing does
  std::uint32_t strict_components;    // 1: AddComponent refuses what no writer's metadata has
  std::uint32_t components_until;     // the first call after which it is too late for AddComponent: 0 PrepareForBackup,
                                      // 1 StartSnapshotSet, 2 DoSnapshotSet
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
  // The Backup Components Document when the event was sent, with the writer's own components alone, and with none in an
  // event that carries none.
  vsspy_text document;
  // That document's nth component as it is now, for what the writer has to say of it: IVssComponent, or Ex or Ex2 where
  // the system has them (else E_NOINTERFACE). It is lent until the callback returns, or longer to who adds a reference;
  // then it answers VSS_E_BAD_STATE, as it does to what a writer may not do in this event.
  HRESULT (*component)(void* context, std::uint32_t index, const IID* iid, void** component);
  void (*set_application_failure)(void* context, HRESULT failure, vsspy_text message);  // what GetWriterStatusEx tells
  void (*note)(void* context, vsspy_text text);  // goes into the event's entry of the trace, a traceback mostly
  // In Identify: the Writer Metadata Document that the writer has from now on, if it answers well. VSS_E_BAD_STATE in
  // another event, E_INVALIDARG where it is not of the same name, ids, instance name, usage, source and version.
  HRESULT (*set_metadata)(void* context, vsspy_text document);
  // As those of the machine.
  std::uint64_t (*now)(void* context);
  HRESULT (*sleep)(void* context, std::uint64_t until, std::uint64_t longest);
};

struct vsspy_writer {
  vsspy_text metadata;           // a Writer Metadata Document
  std::int32_t level;            // VSS_APPLICATION_LEVEL, for the order of Freeze
  std::uint64_t freeze_timeout;  // nanoseconds from Freeze to Thaw
  std::uint32_t events;          // mask: bit n is set when the callback wants event n of vsspy_event_names
  void* user;
  HRESULT (*on_event)(void* user, const vsspy_writer_event* event);  // a failure is the writer's veto; may be NULL
  void (*release)(void* user);  // when the machine needs the writer no more; may be NULL
  std::uint32_t subscription;   // VSS_SUBSCRIBE_MASK: events that it declines are not sent
};

struct vsspy_fault {
  vsspy_text where;
  std::int32_t has_code;
  HRESULT code;
  std::uint64_t nth;   // 0: every time
  std::int64_t delay;  // nanoseconds; negative: hangs until cancelled or closed
  std::int32_t at_result;
  std::int32_t after;  // the work is done first
  vsspy_text volume;   // only calls and events that concern it; NULL data: all
  std::int32_t has_probability;
  double probability;  // of each call, drawn from the seed and the call's count
  std::uint64_t seed;
  std::int32_t dies;  // the writer, in its event
  std::int32_t has_application;
  HRESULT application;  // what GetWriterStatusEx tells of the writer that fails
  vsspy_text message;   // NULL data: none
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
  GUID provider_id;
  vsspy_text exposed_name;  // NULL data: it is not exposed
  vsspy_text exposed_path;  // NULL data: all of it is
  std::int32_t broken;      // VSS knows it no more
};

// What a volume is to be like, whatever its folder is like.
struct vsspy_volume_qualities {
  std::int64_t total;  // bytes; negative: what the folder's file system says
  std::int64_t free;
  std::int32_t ntfs;    // 0: another file system, which takes neither storage areas nor persistent shadow copies
  std::int32_t nested;  // 1: on virtual disks nested deeper than VSS supports
  std::int32_t cluster_shared;  // 1: machines of this process that have a volume with the same folder share it
};

struct vsspy_simulator_control {
  std::uint32_t version;

  HRESULT (*create)(const vsspy_machine_options* options, vsspy_machine** machine, const vsspy_complaint* complaint);
  void (*close)(vsspy_machine* machine);            // ends what runs, removes the shadow copies; objects left are dead
  void (*destroy)(vsspy_machine* machine);          // close, and forget
  HRESULT (*make_current)(vsspy_machine* machine);  // the machine of the DLL's entry points; NULL: none

  HRESULT (*add_volume)(vsspy_machine*, vsspy_text name, vsspy_text folder, const vsspy_complaint*);
  HRESULT (*add_writer)(vsspy_machine*, const vsspy_writer* writer, const vsspy_complaint*);
  HRESULT (*add_fault)(vsspy_machine*, const vsspy_fault* fault);  // VSS_E_OBJECT_NOT_FOUND: no such volume
  HRESULT (*set_environment)(vsspy_machine*, vsspy_text name, vsspy_text value);
  HRESULT (*block_revert)(vsspy_machine*, const GUID* writer_id);  // a value of the registry's WritersBlockingRevert

  HRESULT (*set_volume_qualities)(vsspy_machine*, vsspy_text volume, const vsspy_volume_qualities*);
  HRESULT (*set_minimum_storage)(vsspy_machine*, std::uint32_t megabytes);  // MinDiffAreaFileSize; 0: it is not set
  // The storage of a volume's shadow copies fails, with a VSS_PROTECTION_FAULT and an NTSTATUS.
  HRESULT (*fail_storage)(vsspy_machine*, vsspy_text volume, std::int32_t fault, std::int32_t status);

  std::uint64_t (*live_objects)(vsspy_machine*);
  void (*live)(vsspy_machine*, void* user, void (*visit)(void* user, vsspy_text name));
  void (*trace)(vsspy_machine*, std::uint64_t first, void* user, void (*visit)(void* user, const vsspy_trace_entry*));
  void (*shadow_copies)(vsspy_machine*, void* user, void (*visit)(void* user, const vsspy_shadow_copy*));
  void (*volumes)(vsspy_machine*, void* user, void (*visit)(void* user, vsspy_text name, vsspy_text guid_path));
  void (*notes)(vsspy_machine*, void* user, void (*visit)(void* user, vsspy_text note));
  void (*environment)(vsspy_machine*, void* user, void (*visit)(void* user, vsspy_text name, vsspy_text value));

  // The platform of the machine, for a requester in the same process. It keeps the machine; give it back in the end.
  const vsspy_platform* (*acquire_platform)(vsspy_machine* machine);
  void (*release_platform)(const vsspy_platform* platform);

  // A machine folder (machine_folder.h): its machine, to be destroyed, and what its machine.xml says and leaves to
  // defaults, as (element, number of it, attribute, value).
  HRESULT (*open_folder)(vsspy_text folder, vsspy_machine** machine, const vsspy_complaint*);
  HRESULT (*describe_folder)(vsspy_text folder, void* user,
                             void (*visit)(void* user, vsspy_text element, std::uint32_t index, vsspy_text name,
                                           vsspy_text value),
                             const vsspy_complaint*);

  // Also in the middle of a backup: from then on the writer answers nothing. VSS_E_OBJECT_NOT_FOUND: no such instance.
  HRESULT (*remove_writer)(vsspy_machine*, const GUID* instance_id);

  HRESULT (*set_client_accessible)(vsspy_machine*, std::uint32_t count);  // MaxShadowCopies

  // The machine's clock, in nanoseconds, and a wait until it shows `until`, or for `longest` nanoseconds of real time:
  // S_OK, else S_FALSE; RPC_E_DISCONNECTED when the machine is closed.
  std::uint64_t (*now)(vsspy_machine*);
  HRESULT (*sleep)(vsspy_machine*, std::uint64_t until, std::uint64_t longest);

  // Writes the trace into a file of JSON lines ("-": the standard error stream) until it is stopped. What
  // stop_recording is given then is good until that call; S_FALSE: not all of it could be written.
  HRESULT (*record)(vsspy_machine*, vsspy_text path, const vsspy_complaint*, const void** recording);
  HRESULT (*stop_recording)(vsspy_machine*, const void* recording);
  // The volume's path, instead of one that is made up: of a volume that a trace tells of.
  HRESULT (*set_volume_path)(vsspy_machine*, vsspy_text volume, vsspy_text guid_path);
};

const vsspy_simulator_control* vsspy_simulator_control_table(void);
}

inline constexpr std::uint32_t vsspy_simulator_control_version = 2;

// The events of a writer, in the order of the bits of vsspy_writer::events (semantics 4.1).
inline constexpr const char* vsspy_event_names[] = {"Identify", "PrepareBackup", "PrepareSnapshot", "Freeze",
                                                    "Thaw",     "PostSnapshot",  "BackupComplete",  "BackupShutdown",
                                                    "Abort",    "PreRestore",    "PostRestore"};
