// Looks for secrets in the memory of this process, without having them there itself.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace dtls::test {

// Needle is a secret to look for: its bytes are masked (see masked), so that the needle is not
// found itself.
struct Needle {
  std::string name;
  std::string masked;
};

// masked inverts some bits of every byte; twice gives the bytes again.
std::string masked(std::string bytes);

// from_child runs `make` in a child process and gives the lines that it returns: whatever `make`
// has in memory is not in the memory of this process. The lines must hold no secrets as they are.
std::vector<std::string> from_child(const std::function<std::vector<std::string>()>& make);

// to_line and to_needle carry a needle from a child.
std::string to_line(const std::string& name, const std::string& secret);
Needle to_needle(const std::string& line);

// needles_of_key_log gives a needle for each secret in the file, and for the keys that come of
// those of DTLS 1.3.
std::vector<Needle> needles_of_key_log(const std::string& path);

// found_in_memory gives the names of the needles that any writable mapping of this process holds,
// as bytes or as the words of 4 or 8 bytes that a hash keeps its state in.
std::vector<std::string> found_in_memory(const std::vector<Needle>& needles);

}  // namespace dtls::test
