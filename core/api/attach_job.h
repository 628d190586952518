#pragma once
// Pumps bytes between a hijacked connection and a process: attach and exec start.

#include <memory>
#include <string>

#include "api/context.h"
#include "engine/container.h"
#include "engine/job.h"

namespace drydock::api {

struct AttachOptions {
  std::string container;
  std::string exec;  // empty: the container's first process
  bool in = false, out = false, err = false;
  bool terminal = false;     // raw, without frames; detach keys count
  bool close_stdin = false;  // the client's end of input is the process's
  std::string detach_keys;   // as bytes
  std::string first;         // sent before anything else: logs
};

/// Answers with 101 if the client asked to upgrade, else 200, and takes the connection over.
std::unique_ptr<ByteStream> hijack(Context& context, bool terminal);

std::unique_ptr<engine::Job> make_attach_job(AttachOptions options, std::unique_ptr<ByteStream> connection,
                                             std::shared_ptr<engine::Attachment> attachment);

/// application/vnd.docker.raw-stream, or since API 1.42 multiplexed-stream where there are frames.
std::string stream_content_type(ApiVersion version, bool terminal);

}  // namespace drydock::api
