// The simulated kernel carries containers out as the real one does.

#include "conformance/runtime/runtime_suite.h"
#include "sim_world.h"

namespace drydock::conformance {
TEST_CASE_TEMPLATE_INVOKE(runtime_suite, sim::test::SimWorld);
}
