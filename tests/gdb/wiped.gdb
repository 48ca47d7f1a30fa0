# A voter's disk is wiped, and its vote with it: nothing is broken by that. What was asked stands between what it led to.
vlot break leader
run
delete
vlot step
vlot restart 3 wipe
vlot step
vlot check
vlot trace 8
kill
