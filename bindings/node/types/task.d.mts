import Task = require("./task");

export default Task;
export { Task };
export type Listener = Task.Listener;
export type Message = Task.Message;
export type Options = Task.Options;
export type Sender = Task.Sender;
