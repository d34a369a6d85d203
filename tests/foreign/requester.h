// What the requesters in C have in common: nothing but the library's header and the standard library.
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vsspy/vssapi.h>

// The program ends at the first failure; the cleaning up stands at `out`.
#define CHECK(call)                                                               \
  do {                                                                            \
    const HRESULT code_ = (call);                                                 \
    if (FAILED(code_)) {                                                          \
      printf("error: %s at line %d: 0x%08x\n", #call, __LINE__, (unsigned)code_); \
      goto out;                                                                   \
    }                                                                             \
  } while (0)

#define RELEASE(object)                            \
  do {                                             \
    if (object) (object)->lpVtbl->Release(object); \
    (object) = NULL;                               \
  } while (0)

static const VSS_ID NO_ID = {0, 0, 0, {0}};

// The names of volumes on the command line; anything else than ASCII is beyond these programs.
static inline void widen(const char* text, WCHAR* wide, size_t size) {
  size_t index = 0;
  for (; text[index] && index + 1 < size; ++index) wide[index] = (WCHAR)(unsigned char)text[index];
  wide[index] = 0;
}

static inline void print_text(const WCHAR* text) {
  for (; text && *text; ++text) putchar(*text < 128 ? (char)*text : '?');
}

static inline void print_id(const VSS_ID* id) {
  printf("%08x-%04x-%04x-", (unsigned)id->Data1, (unsigned)id->Data2, (unsigned)id->Data3);
  for (int index = 0; index < 8; ++index) printf(index == 1 ? "%02x-" : "%02x", (unsigned)id->Data4[index]);
}
