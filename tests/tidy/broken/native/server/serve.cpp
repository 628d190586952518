#include "engine/daemon.h"  // tidy: includes
#include "http/message.h"
#include "machine/kernel.h"  // tidy: includes
#include "native/kernel/fd.h"
#include "native/runtime/linux_runtime.h"  // tidy: includes
