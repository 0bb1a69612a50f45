"""The parts of tools/gpu-check. Standard library only."""


def last_line(done):
    """What a failed program said at last."""
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return lines[-1] if lines else f"status {done.returncode}"
