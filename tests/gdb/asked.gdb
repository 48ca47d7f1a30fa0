# Both requests for votes are dropped on purpose, then it is seen what follows; then back, and one of them is let through.
vlot break election
run
vlot step
delete
vlot net
vlot drop 5
vlot drop 6
vlot requests
vlot step 2
vlot requests
vlot net
vlot until $vlot_leader() != 0
vlot nodes
vlot why 3 leader
vlot goto 5
vlot requests
vlot net
vlot until $vlot_leader() != 0
vlot nodes
vlot hold t1
vlot timeout 2
vlot step 2
vlot net
vlot release t1
vlot kill 3 power
vlot step 2
vlot partition 1 | 2 3
vlot step
vlot heal
vlot restart 3 wipe
vlot suspend 2
vlot step 3
vlot nodes
vlot resume 2
vlot step
vlot requests
vlot elect 2
vlot step
vlot net
vlot fire 12
vlot step
vlot net
vlot trace 4
vlot check
vlot until quiet
vlot snapshot 2
vlot step
vlot compact 2
vlot step 2
vlot requests
vlot node 2
