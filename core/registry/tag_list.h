#pragma once
// GET /v2/<name>/tags/list, page by page (distribution-spec: listing tags).

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/reference.h"
#include "registry/call.h"
#include "registry/operation.h"
#include "registry/session.h"

namespace drydock::registry {

inline constexpr std::size_t kTagsMax = 100'000;
inline constexpr int kTagPagesMax = 1000;

class TagList final : public Operation {
 public:
  TagList(std::shared_ptr<Session> session, oci::Reference repository);

  State step() override;
  const std::optional<Error>& failure() const override { return failure_; }
  const std::vector<std::string>& tags() const { return tags_; }

 private:
  void finish_page();
  Result<void> take_page();

  std::shared_ptr<Session> session_;
  oci::Reference repository_;
  std::unique_ptr<Call> call_;
  std::string next_;
  int pages_ = 0;
  std::vector<std::string> tags_;
  bool done_ = false;
  std::optional<Error> failure_;
};

}  // namespace drydock::registry
