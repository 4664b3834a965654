#define OPENSSL_SUPPRESS_DEPRECATED  // RAND_METHOD: a provider of our own would be ten times this

#include "harness/seeded_random.hpp"

#include <openssl/rand.h>

#include <cstdlib>

#include "crypto/random.hpp"

namespace dtls::fuzz {
namespace {

RandomStream* current = nullptr;

void draw(std::span<std::byte> out) {
  // Before anybody said which: what libcrypto draws when it starts.
  static RandomStream of_start(0);
  (current != nullptr ? *current : of_start).fill(out);
}

int draw_for_libcrypto(unsigned char* out, int size) {
  draw(std::as_writable_bytes(std::span(out, static_cast<std::size_t>(size))));
  return 1;
}

int always() {
  return 1;
}

void replace_generator() {
  static const RAND_METHOD kMethod{nullptr, draw_for_libcrypto, nullptr,
                                   nullptr, draw_for_libcrypto, always};
  static const bool kReplaced = RAND_set_rand_method(&kMethod) == 1;
  if (!kReplaced) std::abort();
}

}  // namespace

// splitmix64: any seed will do, and nobody has to be surprised.
void RandomStream::fill(std::span<std::byte> out) {
  for (std::size_t i = 0; i < out.size(); i += 8) {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
    z ^= z >> 31U;
    for (std::size_t j = i; j < out.size() && j < i + 8; ++j, z >>= 8U)
      out[j] = static_cast<std::byte>(z & 0xffU);
  }
}

void use_random(RandomStream& stream) {
  replace_generator();
  current = &stream;
}

UseRandom::UseRandom(RandomStream& stream) : before_(current) {
  use_random(stream);
}

UseRandom::~UseRandom() {
  current = before_;
}

}  // namespace dtls::fuzz

namespace dtls::crypto {

Result<void> fill_random(std::span<std::byte> out) {
  fuzz::draw(out);
  return {};
}

}  // namespace dtls::crypto
