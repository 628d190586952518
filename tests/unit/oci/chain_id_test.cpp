#include "oci/chain_id.h"

#include <doctest/doctest.h>

using namespace drydock;
using namespace drydock::oci;

TEST_CASE("a chain id is the layer's own digest at the bottom and a digest of digests above") {
  const Digest a = archive::digest_of("a");
  const Digest b = archive::digest_of("b");
  const auto chain = chain_ids({a, b, a});
  REQUIRE(chain.size() == 3);
  CHECK(chain[0] == a);
  CHECK(chain[1] == archive::digest_of(a.str() + " " + b.str()));
  CHECK(chain[2] == chain_id(chain[1], a));
  CHECK(chain_ids({}).empty());
}
