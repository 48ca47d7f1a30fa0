# A whole election in lockstep, with the commands of a session.
vlot break election
run
vlot nodes
vlot net
vlot timers
vlot why 1
vlot node 1
vlot break leader
continue
vlot nodes
delete
tbreak look_here
continue
vlot nodes
vlot node 1
vlot log 1
vlot log 1 2 1
vlot diff 1 2
vlot config
vlot mailbox 2
vlot net
vlot timers
vlot trace 8
vlot why 1
vlot why 2 vote
print $vlot_leader()
print $vlot_role(2)
print $vlot_term(2)
print *$vlot_node(2)
print $vlot_node(2)->brief
print $vlot_node(2)->raft->log.segments[0]->slices[1]
print $vlot_node(2)->raft->log.segments[0]->slices[1].batch->entries[0]
