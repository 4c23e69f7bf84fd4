"""Every kind of errand by its name; adding one is a line here and a file beside this one."""

KINDS = {}
