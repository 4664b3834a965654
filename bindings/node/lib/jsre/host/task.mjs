// The class Task for `import`.
import Task from "./task.js";

export default Task;
export { Task };
