"""Tasks to learn: bytefed's own by name, or a user's data from a file or folder."""

from bytefed.data.load import TASKS, load_task, task_names
from bytefed.data.npz import load_windows
from bytefed.data.task import Samples, Task
from bytefed.data.windows import Cut

__all__ = ["TASKS", "Cut", "Samples", "Task", "load_task", "load_windows", "task_names"]
