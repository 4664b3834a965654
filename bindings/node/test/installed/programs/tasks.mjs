import Task, { Task as Same } from "@jsre/dtls/task";
import iosched, { READ, event, once } from "@jsre/dtls/iosched";

// A task that starts no other is told by its own descriptor that a message waits.
Task.send(Task.me(), 2);
once(
  event(READ, Task.fd(), () => {
    console.log("task:", Same.recv(undefined, 0));
  }),
);
iosched.poll(120000);
