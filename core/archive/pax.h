#pragma once
// The content of pax extended headers (POSIX.1-2001, pax Interchange Format): records "LENGTH KEY=VALUE\n".

#include <cstdint>
#include <string>
#include <string_view>

#include "archive/tar_entry.h"
#include "base/result.h"

namespace drydock::archive {

/// In the order of the header; keys may repeat. Errors: corrupt; too_large (kPaxRecordsMax).
Result<TarRecords> parse_pax_records(std::string_view header);
void append_pax_record(std::string& header, std::string_view key, std::string_view value);

/// Seconds with an optional sign and fraction, in ns; digits below a nanosecond are dropped.
/// Errors: corrupt, also for times that 64 bits of ns cannot hold.
Result<std::int64_t> parse_pax_time(std::string_view text);
/// "-1.5", "12": no trailing zeros.
std::string format_pax_time(std::int64_t time_ns);

}  // namespace drydock::archive
