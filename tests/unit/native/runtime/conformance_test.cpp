#include "conformance/runtime/runtime_suite.h"

#include "linux_world.h"

namespace drydock::conformance {
TEST_CASE_TEMPLATE_INVOKE(runtime_suite, native::test::LinuxWorld);
}
