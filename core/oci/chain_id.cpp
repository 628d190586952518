#include "oci/chain_id.h"

#include "base/text.h"

namespace drydock::oci {

Digest chain_id(const Digest& parent, const Digest& diff) {
  if (parent.empty()) return diff;
  return archive::digest_of(concat(parent.str(), ' ', diff.str()));
}

std::vector<Digest> chain_ids(const std::vector<Digest>& diffs) {
  std::vector<Digest> chain;
  Digest parent;
  for (const Digest& diff : diffs) {
    parent = chain_id(parent, diff);
    chain.push_back(parent);
  }
  return chain;
}

}  // namespace drydock::oci
