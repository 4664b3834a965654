// Says why compilation fails, where the compiler would name a hundred other places.
#pragma once

#if __cplusplus < 202002L
#error "dtls needs C++20: compile with -std=c++20 (CMake: link the target dtls::dtls)"
#endif
