"""What a device has left is read from the system, within the limits of control groups."""

from pathlib import Path

from mattecli.core.runtime import pick_device
from mattecli.core.tuning.budget import budget_of, free_host_memory


def test_limits_of_control_groups_are_respected(tmp_path: Path) -> None:
    def write(name: str, text: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    assert free_host_memory(tmp_path) is None
    write("proc/meminfo", "MemTotal: 9000 kB\nMemAvailable: 8000 kB\n")
    assert free_host_memory(tmp_path) == 8000 * 1024
    write("proc/self/cgroup", "0::/user/session\n")
    for folder, limit in (("", "max"), ("/user", "5000000"), ("/user/session", "max")):
        write(f"sys/fs/cgroup{folder}/memory.max", limit)
        write(f"sys/fs/cgroup{folder}/memory.current", "3000000")
        write(f"sys/fs/cgroup{folder}/memory.stat", "anon 1\ninactive_file 500000\n")
    assert free_host_memory(tmp_path) == 2500000
    write("proc/self/cgroup", "4:memory:/docker/elsewhere\n2:cpu:/\n")
    write("sys/fs/cgroup/memory/memory.limit_in_bytes", "4000000")
    write("sys/fs/cgroup/memory/memory.usage_in_bytes", "3000000")
    write("sys/fs/cgroup/memory/memory.stat", "total_inactive_file 0\n")
    assert free_host_memory(tmp_path) == 1000000


def test_the_free_memory_of_this_machine_is_positive() -> None:
    budget = budget_of(pick_device("cpu"))
    assert budget is None or 0 < budget.left < 1 << 50
