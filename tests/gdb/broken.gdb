# What must not be is made so in memory, and found.
tbreak look_here
run
set var $vlot_node(2)->raft->role = VLOT_ROLE_LEADER
set var $vlot_node(3)->raft->commit_index = 9
set var $vlot_node(3)->raft->log.segments[0]->slices[1].term = 7
vlot check
kill
