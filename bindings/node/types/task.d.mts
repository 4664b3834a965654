import Task = require("./task");

export default Task;
export { Task };
