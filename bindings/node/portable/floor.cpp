// floor.cpp: functions of newer C libraries, for an addon that runs on glibc 2.17 and on musl.
//
// The objects of the addon, of libstdc++ and of libcrypto were compiled for Debian's glibc. Where
// they call functions that an older glibc or musl lacks, they find these instead: the symbols are
// hidden, so nothing outside the addon sees them. portable/check.sh holds the finished addon to the
// list of functions that both C libraries have.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>

namespace {

struct ErrnoName {
  int number;
  const char* name;
};

#define DTLS_ERRNO_NAME(name, text) ErrnoName{-UV_##name, #name},
constexpr ErrnoName kErrnoNames[] = {UV_ERRNO_MAP(DTLS_ERRNO_NAME)};
#undef DTLS_ERRNO_NAME

// Destructors of a thread's `thread_local` objects, newest first.
struct ThreadExit {
  void (*destroy)(void*);
  void* object;
  ThreadExit* next;
};

void run_thread_exits(void* list) {
  for (auto* entry = static_cast<ThreadExit*>(list); entry != nullptr;) {
    auto* const done = entry;
    entry->destroy(entry->object);
    entry = entry->next;
    std::free(done);
  }
}

pthread_key_t thread_exits() {
  static pthread_key_t key;
  static const int made = pthread_key_create(&key, run_thread_exits);
  if (made != 0) std::abort();
  return key;
}

using AtThreadExit = int(void (*)(void*), void*, void*);

AtThreadExit* system_thread_atexit() {
  static auto* const found =
      reinterpret_cast<AtThreadExit*>(::dlsym(RTLD_DEFAULT, "__cxa_thread_atexit_impl"));
  return found;
}

}  // namespace

extern "C" {

extern void* __dso_handle;  // crtbeginS.o

// glibc 2.32: an optimisation for programs with one thread. Node has many.
char __libc_single_threaded = 0;

// glibc 2.18. Without it a thread's list hangs on a key of pthreads; the addon is linked with
// -z nodelete, so that its destructors outlive every thread.
int __cxa_thread_atexit_impl(void (*destroy)(void*), void* object, void* module) {
  if (auto* const system = system_thread_atexit()) return system(destroy, object, module);
  auto* const entry = static_cast<ThreadExit*>(std::malloc(sizeof(ThreadExit)));
  if (entry == nullptr) return -1;
  const pthread_key_t key = thread_exits();
  *entry = {destroy, object, static_cast<ThreadExit*>(pthread_getspecific(key))};
  return pthread_setspecific(key, entry);
}

// How libgcc's unwinder asks whether there are threads: glibc has it, musl lacks it.
int __pthread_key_create(pthread_key_t* key, void (*destroy)(void*)) {
  return pthread_key_create(key, destroy);
}

// glibc links this one into each module, musl exports it.
int pthread_atfork(void (*prepare)(), void (*parent)(), void (*child)()) noexcept {
  using Register = int(void (*)(), void (*)(), void (*)(), void*);
  using AtFork = int(void (*)(), void (*)(), void (*)());
  if (auto* const glibc = reinterpret_cast<Register*>(::dlsym(RTLD_DEFAULT, "__register_atfork"))) {
    return glibc(prepare, parent, child, __dso_handle);
  }
  auto* const musl = reinterpret_cast<AtFork*>(::dlsym(RTLD_DEFAULT, "pthread_atfork"));
  return musl == nullptr ? ENOSYS : musl(prepare, parent, child);
}

// glibc's own: musl gives memory back by itself.
int malloc_trim(size_t keep) noexcept {
  static auto* const found =
      reinterpret_cast<int (*)(size_t)>(::dlsym(RTLD_DEFAULT, "malloc_trim"));
  return found == nullptr ? 0 : found(keep);
}

// glibc 2.25 and 2.36.
void explicit_bzero(void* bytes, size_t size) noexcept {
  std::memset(bytes, 0, size);
  // The compiler must assume that this reads the bytes, so that it cannot leave out the line above.
  __asm__ __volatile__("" : : "r"(bytes) : "memory");
}

int getentropy(void* buffer, size_t size) {
  return ::syscall(SYS_getrandom, buffer, size, 0) == static_cast<long>(size) ? 0 : -1;
}

unsigned int arc4random() {
  unsigned int value = 0;
  if (getentropy(&value, sizeof value) != 0) std::abort();
  return value;
}

// glibc 2.33; before, these were inline calls of __xstat and __fxstat, which musl lacks.
int fstat(int fd, struct stat* result) noexcept {
  return static_cast<int>(::syscall(SYS_newfstatat, fd, "", result, AT_EMPTY_PATH));
}

int stat(const char* path, struct stat* result) noexcept {
  return static_cast<int>(::syscall(SYS_newfstatat, AT_FDCWD, path, result, 0));
}

int fstat64(int fd, struct stat64* result) noexcept {
  return fstat(fd, reinterpret_cast<struct stat*>(result));
}

// glibc 2.32.
const char* strerrorname_np(int number) noexcept {
  if (number == EOPNOTSUPP) return "EOPNOTSUPP";  // Linux has one number for this and ENOTSUP
  for (const auto& known : kErrnoNames) {
    if (known.number == number) return known.name;
  }
  return nullptr;
}

const char* strerrordesc_np(int number) noexcept {
  return std::strerror(number);
}

// glibc's fortified calls, which musl lacks. They keep their checks.
void* __memcpy_chk(void* to, const void* from, size_t size, size_t room) noexcept {
  if (size > room) std::abort();
  return std::memcpy(to, from, size);
}

void* __memset_chk(void* to, int byte, size_t size, size_t room) noexcept {
  if (size > room) std::abort();
  return std::memset(to, byte, size);
}

int __vfprintf_chk(FILE* file, int, const char* format, va_list list) {
  return std::vfprintf(file, format, list);
}

int __fprintf_chk(FILE* file, int flag, const char* format, ...) {
  va_list list;
  va_start(list, format);
  const int written = __vfprintf_chk(file, flag, format, list);
  va_end(list);
  return written;
}

long __fdelt_chk(long descriptor) {
  if (descriptor < 0 || descriptor >= FD_SETSIZE) std::abort();
  return descriptor / NFDBITS;
}

// libcrypto's asynchronous jobs (ASYNC_start_job), which nothing here begins; musl lacks these.
int getcontext(void*) {
  return errno = ENOSYS, -1;
}
int setcontext(const void*) {
  return errno = ENOSYS, -1;
}
void makecontext(void*, void (*)(), int, ...) {
  std::abort();
}
void __longjmp_chk(void*, int) {
  std::abort();
}

// How libgcc asks for the processor's atomic instructions on arm64.
unsigned long __getauxval(unsigned long type) {
  return ::getauxval(type);
}

}  // extern "C"
