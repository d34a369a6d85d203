// One defect of each kind that the sanitizers have to find: tools/sanitize.py builds this with the flags of the real
// build, calls each function from Python and expects a report. `nothing` has to stay silent.
#include <climits>
#include <thread>

namespace {
int shared_counter = 0;
char* volatile held = nullptr;
}  // namespace

extern "C" {

int nothing() { return 0; }

int use_after_free() {
  held = new char[16];
  delete[] held;
  return held[3];
}

int leak() {
  held = new char[4096];
  held[0] = 1;
  held = nullptr;
  return 0;
}

int undefined() {
  volatile int largest = INT_MAX;
  return largest + 1;
}

int race() {
  auto count = [] {
    for (int i = 0; i < 100000; ++i) ++shared_counter;
  };
  std::thread one(count);
  std::thread other(count);
  one.join();
  other.join();
  return shared_counter;
}
}
