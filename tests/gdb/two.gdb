# Two clusters: it is said which one is looked at, and the other one is as near.
tbreak look_here
run two
vlot nodes
up
vlot nodes
vlot use another
up
vlot use cluster
vlot nodes
vlot step
kill
