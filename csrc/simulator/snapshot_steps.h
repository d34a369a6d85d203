// What the service itself does between Freeze and Thaw (semantics 7.2), as far as it can fail or take too long
// (semantics 5). Nothing of it takes time here unless a fault says so.
#pragma once

#include "session.h"

namespace vsspy::simulator {

struct snapshot_step {
  const char* name;         // what a fault calls it
  std::int64_t limit;       // nanoseconds; negative: none is documented
  HRESULT too_long = S_OK;  // what the operation fails with when the limit is over
};

inline constexpr std::int64_t write_limit = 10'000'000'000;  // the kernel holds no writes for longer
inline constexpr snapshot_step freeze_transactions{"VSS::FreezeTransactions", -1};
inline constexpr snapshot_step flush_writes{"VSS::FlushWrites", write_limit, VSS_E_FLUSH_WRITES_TIMEOUT};
inline constexpr snapshot_step hold_writes{"VSS::HoldWrites", write_limit, VSS_E_HOLD_WRITES_TIMEOUT};
inline constexpr snapshot_step thaw_transactions{"VSS::ThawTransactions", -1};

// On the operation's thread, without the mutex.
HRESULT take_step(session& of, operation& during, const snapshot_step& step);

}  // namespace vsspy::simulator
