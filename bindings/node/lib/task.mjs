// The class Task for `import`.
import Task from "./jsre/task.js";

export default Task;
export { Task };
