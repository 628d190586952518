#include <chrono>  // tidy: portable
#include <string>
#include <sys/types.h>  // tidy: portable

std::string last_error;  // tidy: portable
const int kAnswer = 42;

#ifdef __linux__  // tidy: portable
#endif

// TODO later // tidy: names
// TODO(#12) is fine
void stop() {
  throw 5;  // tidy: portable
}
