# Time stands where it is told to, in a session whose commands come from a file; and going to an action from anywhere.
vlot break election
run step --threads --no-color <"$LINES_OF_TIME" >/dev/null
delete
vlot goto 0
vlot goto 3
vlot goto 5
vlot goto 4
vlot goto 0
vlot tick 16
vlot kill 3
vlot tick
vlot tick 0
vlot step
vlot goto 1
vlot goto 2
vlot until leader 2 10
vlot until leader 1
vlot tick 100
vlot goto 1
vlot tick 3
continue
