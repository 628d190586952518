#pragma once
// GET /events: the trace's engine events as `docker events` shows them, those that were and those to come.

#include "api/context.h"
#include "api/filters.h"
#include "trace/event.h"

namespace drydock::api {

void stream_events(Context& context);

/// One event as a line of JSON.
std::string event_line(const trace::EngineEvent& event, Timestamp time);
/// dockerd's rules: prefixes for names and ids, exact for types and actions, the image with or without its tag.
bool event_passes(const Filters& filters, const trace::EngineEvent& event);

}  // namespace drydock::api
