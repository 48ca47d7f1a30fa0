# A vote that is dropped: the first answer to n1's request is lost, and the other one is enough. Then a condition by a function.
vlot break drop
run drop
vlot nodes
delete
vlot break commit if $_streq($vlot_role(0), "leader")
continue
vlot nodes
vlot why 1 leader
vlot trace 3
