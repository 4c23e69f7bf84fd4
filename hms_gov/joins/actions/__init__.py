"""Actions that need metrics: a signed webhook, and the change of a threshold. One file each."""
