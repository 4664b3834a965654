// mutant() switches one sabotage of the source on. tests/mutants/run includes this file in copies
// of source files only; the product never sees it.
#pragma once

#include <type_traits>

namespace dtls_mutants {

// is_active says whether DTLS_MUTANT names that mutant.
bool is_active(unsigned id) noexcept;

constexpr bool mutant(unsigned id) {
  if (std::is_constant_evaluated()) return false;
  return is_active(id);
}

}  // namespace dtls_mutants
