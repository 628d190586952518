#include "cli/run.h"

#include <vector>

#include "base/result.h"
#include "engine/daemon.h"  // tidy: includes
#include "http/message.h"
#include "run.h"  // tidy: includes
