// Whether mallinfo2 counts: a sanitizer's allocator does not.
#pragma once

namespace dtls::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kCountsHeap = false;
#else
inline constexpr bool kCountsHeap = true;
#endif

}  // namespace dtls::test
