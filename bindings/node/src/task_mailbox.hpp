// The addon's functions for tasks: mailboxes, and the requests to end (see
// lib/jsre/host/mailbox.js).
#pragma once

#include <napi.h>

namespace dtls::node {

void define_task_functions(Napi::Object exports);

}  // namespace dtls::node
