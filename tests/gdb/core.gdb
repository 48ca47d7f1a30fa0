# A core file, once the process that wrote it is gone.
vlot nodes
vlot node 2
vlot log 2
vlot diff 2 3
vlot net
vlot timers
vlot config
vlot trace 4
vlot why 1 leader
print $vlot_leader()
