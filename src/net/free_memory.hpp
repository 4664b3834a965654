// Memory that the process has freed and that the C library has kept.
#pragma once

namespace dtls::net {

// return_free_memory gives it back to the system, where the C library can. It takes a time that
// grows with the heap: some 10 ms for 500 MiB.
void return_free_memory();

}  // namespace dtls::net
