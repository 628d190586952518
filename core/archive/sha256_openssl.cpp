// Sha256 by OpenSSL's EVP. Its calls fail for SHA-256 only when memory is out, which Drydock does not survive anyway.

#include <openssl/evp.h>

#include "archive/sha256.h"
#include "base/assert.h"

namespace drydock::archive {

struct Sha256::Engine {
  Engine() : context(EVP_MD_CTX_new()) {
    DD_ASSERT(context != nullptr);
    start();
  }
  ~Engine() { EVP_MD_CTX_free(context); }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  void start() {
    const bool started = EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1;
    DD_ASSERT(started);
  }

  EVP_MD_CTX* context;
};

Sha256::Sha256() : engine_(std::make_unique<Engine>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  const bool updated = EVP_DigestUpdate(engine_->context, bytes.data(), bytes.size()) == 1;
  DD_ASSERT(updated);
}

Sha256Sum Sha256::finish() {
  Sha256Sum sum;
  unsigned int size = 0;
  const bool finished = EVP_DigestFinal_ex(engine_->context, sum.data(), &size) == 1;
  DD_ASSERT(finished && size == sum.size());
  engine_->start();
  return sum;
}

}  // namespace drydock::archive
