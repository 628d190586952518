#pragma once
// A job's progress as the body of an answer.

#include <memory>

#include "engine/image_progress.h"
#include "http/message.h"

namespace drydock::api {

/// What an error means before anything was written: a status, as for any endpoint, or a line, since `docker load` has
/// promised a stream by then.
enum class EarlyErrors { status, line };

class ResponderSink final : public engine::ProgressSink {
 public:
  explicit ResponderSink(std::shared_ptr<http::Responder> responder, EarlyErrors early = EarlyErrors::status)
      : responder_(std::move(responder)), early_(early) {}

  void write(std::string_view line) override;
  void finish() override;
  void fail(const Error& error) override;
  bool closed() const override { return responder_->closed(); }
  bool full() const override { return responder_->backlog() > kBacklogMax; }

 private:
  static constexpr std::size_t kBacklogMax = 1u << 20;
  void begin();

  std::shared_ptr<http::Responder> responder_;
  EarlyErrors early_;
  bool begun_ = false;
};

}  // namespace drydock::api
