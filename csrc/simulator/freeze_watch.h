// The windows that writers gave themselves from Freeze to Thaw (semantics 5), while they are frozen: a writer whose
// window is over fails and gets Abort at that moment, whatever the service waits for.
#pragma once

#include "session.h"

namespace vsspy::simulator {

class freeze_watch {
 public:
  // Without the mutex; throws when no thread can be had.
  freeze_watch(session& of, operation& during);
  ~freeze_watch();  // waits for an Abort that is under way
  freeze_watch(const freeze_watch&) = delete;
  freeze_watch& operator=(const freeze_watch&) = delete;

  // A writer has taken Freeze well; false: too late, its window is over.
  bool frozen(attendance& whom);
  // Its Thaw is due; false: its window was over.
  bool thaws(attendance& whom);

 private:
  static bool is_over(const attendance& whom, std::uint64_t now) {
    return now - whom.frozen_since > whom.writer->freeze_timeout;
  }
  void watch();
  void expire(attendance& whom);

  session& session_;
  operation& operation_;
  machine& machine_;
  // Guarded by the machine's mutex.
  std::vector<attendance*> frozen_;
  unsigned changes_ = 0;
  bool stop_ = false;
  bool over_ = false;
};

}  // namespace vsspy::simulator
