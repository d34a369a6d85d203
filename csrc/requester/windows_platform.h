// The platform of production: VssApi, ole32 and oleaut32.
#pragma once

#include "../com/platform.h"

namespace vsspy::requester {

// Loads nothing by itself: what is missing is reported by the first call that needs it. Off Windows it throws
// VSSPY_E_UNSUPPORTED_PLATFORM.
const vsspy_platform& windows_platform();

}  // namespace vsspy::requester
