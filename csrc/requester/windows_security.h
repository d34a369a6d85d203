// The security of the whole process towards COM, as writers need it of a requester.
#pragma once

#include "../abi/base_types.h"

namespace vsspy::requester {

// CoInitializeSecurity: packet privacy, identify, dynamic cloaking, and a descriptor that admits the accounts writers
// run under (semantics 1.2). RPC_E_TOO_LATE when somebody did it before.
HRESULT initialize_process_security();

}  // namespace vsspy::requester
