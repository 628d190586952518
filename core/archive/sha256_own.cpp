// Sha256 where there is no OpenSSL.

#include "archive/sha256.h"
#include "archive/sha256_portable.h"

namespace drydock::archive {

struct Sha256::Engine {
  PortableSha256 hash;
};

Sha256::Sha256() : engine_(std::make_unique<Engine>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  engine_->hash.update(bytes);
}

Sha256Sum Sha256::finish() {
  return engine_->hash.finish();
}

}  // namespace drydock::archive
