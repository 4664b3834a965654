// The socket-option methods that Server and Connection objects share.
#pragma once

#include <napi.h>

#include "convert.hpp"

namespace dtls::node {

// SocketMethods<Self, Handle> is mixed into an ObjectWrap that has `Handle& handle()`, a Server or
// Connection.
template <typename Self>
class SocketMethods {
 public:
  void set_ttl(const Napi::CallbackInfo& info) {
    done_or_throw(info.Env(), options(info).set_ttl(info[0].As<Napi::Number>().Int32Value()));
  }
  void set_ipv6_only(const Napi::CallbackInfo& info) {
    done_or_throw(info.Env(), options(info).set_ipv6_only(info[0].As<Napi::Boolean>().Value()));
  }
  void bind_to_device(const Napi::CallbackInfo& info) {
    done_or_throw(info.Env(), options(info).bind_to_device(info[0].As<Napi::String>().Utf8Value()));
  }
  Napi::Value buffer_size(const Napi::CallbackInfo& info) {
    auto view = options(info);
    const auto size = is_send(info) ? view.send_buffer_size() : view.receive_buffer_size();
    return Napi::Number::New(info.Env(), value_or_throw(info.Env(), size));
  }
  void set_buffer_size(const Napi::CallbackInfo& info) {
    auto view = options(info);
    const int bytes = info[1].As<Napi::Number>().Int32Value();
    done_or_throw(info.Env(), is_send(info) ? view.set_send_buffer_size(bytes)
                                            : view.set_receive_buffer_size(bytes));
  }

  template <typename Wrap>
  static std::vector<typename Wrap::PropertyDescriptor> socket_properties() {
    return {
        Wrap::InstanceMethod("setTTL", &Self::set_ttl),
        Wrap::InstanceMethod("setIPv6Only", &Self::set_ipv6_only),
        Wrap::InstanceMethod("bindToDevice", &Self::bind_to_device),
        Wrap::InstanceMethod("bufferSize", &Self::buffer_size),
        Wrap::InstanceMethod("setBufferSize", &Self::set_buffer_size),
    };
  }

 private:
  static bool is_send(const Napi::CallbackInfo& info) {
    return info[0].As<Napi::Number>().Int32Value() == 1;
  }
  SocketOptions options(const Napi::CallbackInfo& info) {
    return value_or_throw(info.Env(), static_cast<Self*>(this)->handle().socket_options());
  }
};

}  // namespace dtls::node
