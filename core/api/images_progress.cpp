#include "api/images_progress.h"

#include "api/respond.h"

namespace drydock::api {

void ResponderSink::begin() {
  if (begun_) return;
  begun_ = true;
  responder_->start(200, {{"Content-Type", "application/json"}});
}

void ResponderSink::write(std::string_view line) {
  begin();
  responder_->write(line);
}

void ResponderSink::finish() {
  begin();
  responder_->finish();
}

void ResponderSink::fail(const Error& error) {
  if (!begun_ && early_ == EarlyErrors::status) {
    begun_ = true;
    send_error(*responder_, error);
    return;
  }
  write(engine::error_line(error));
  responder_->finish();
}

}  // namespace drydock::api
