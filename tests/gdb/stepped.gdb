# From a campaign on, action by action, to what it leads to; and back.
vlot break election
run
vlot step
vlot step 2
vlot receive VoteReply
vlot step
vlot until $vlot_leader() != 0
vlot until $vlot_node(2)->raft->commit_index >= 1
vlot step 9
vlot check
vlot back
vlot back 10
vlot nodes
vlot goto 12
vlot nodes
vlot goto 0
vlot nodes
delete
vlot receive append to 3
continue
