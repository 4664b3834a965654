// Runs a fuzz target on every file of the folders given, in a fixed order: what a fuzzer
// once found stays found, with any compiler and without a fuzzer.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

// libFuzzer knows it by this name. NOLINTNEXTLINE(readability-identifier-naming)
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& argument) {
  if (fs::is_regular_file(argument)) {
    return {argument};
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(argument)) {
    if (entry.is_regular_file()) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

void run(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::vector<char> content{std::istreambuf_iterator<char>(stream), {}};
  // Of exactly this size on the heap, so that a sanitizer sees a read beyond the end.
  const std::vector<std::uint8_t> data(content.begin(), content.end());
  std::printf("%s\n", file.c_str());
  std::fflush(stdout);  // the last line names the input if the target aborts
  LLVMFuzzerTestOneInput(data.data(), data.size());
}

}  // namespace

int main(int argc, char** argv) try {
  std::size_t count = 0;
  for (int i = 1; i < argc; ++i) {
    for (const fs::path& file : files_of(argv[i])) {
      run(file);
      ++count;
    }
  }
  // A corpus that has moved away must not look like one that passes.
  if (count == 0) {
    std::fprintf(stderr, "usage: %s <corpus folder or file>...\nNo input was found.\n", argv[0]);
    return EXIT_FAILURE;
  }
  std::printf("%zu inputs passed\n", count);
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return EXIT_FAILURE;
}
